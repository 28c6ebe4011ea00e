package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
	"timbre/internal/store"
)

// MinRetention is the shortest time after which the log or messages may be
// deleted by themselves: a user on holiday should still find them.
const MinRetention = 24 * time.Hour

// retentionRoutes adds how long the log and the messages are kept.
func (s *Server) retentionRoutes(a huma.API) {
	change(s, a, "set-retention", http.MethodPatch, "/v1/admin/retention", aboutRetention, s.setRetention)
	register(a, "retention", http.MethodGet, "/v1/admin/retention", s.retention)
}

func aboutRetention(in *In[RetentionChange]) (about string) {
	if c := in.Body.Calls; c != nil {
		about += fmt.Sprint("calls ", time.Duration(*c), " ")
	}
	if v := in.Body.Voicemail; v != nil {
		about += fmt.Sprint("voicemail ", time.Duration(*v))
	}
	return about
}

func (s *Server) setRetention(ctx context.Context, in *In[RetentionChange]) (*Out[Retention], error) {
	r, err := s.cfg.Store.Retention(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "retention", err)
	}
	for _, p := range []struct {
		to    *time.Duration
		value *office.Duration
	}{{&r.Calls, in.Body.Calls}, {&r.Voicemail, in.Body.Voicemail}} {
		if p.value == nil {
			continue
		}
		if *p.to = time.Duration(*p.value); *p.to != 0 && *p.to < MinRetention {
			return nil, newProblem(http.StatusUnprocessableEntity, "retention: at least a day, or 0 to keep everything")
		}
	}
	if err := s.cfg.Store.SetRetention(ctx, r); err != nil {
		return nil, s.refuse(ctx, "retention", err)
	}
	return &Out[Retention]{retentionOf(r)}, nil
}

func retentionOf(r store.Retention) Retention {
	return Retention{Calls: office.Of(r.Calls), Voicemail: office.Of(r.Voicemail)}
}

func (s *Server) retention(ctx context.Context, _ *struct{}) (*Out[Retention], error) {
	r, err := s.cfg.Store.Retention(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "retention", err)
	}
	return &Out[Retention]{retentionOf(r)}, nil
}
