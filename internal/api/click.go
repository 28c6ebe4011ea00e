package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// callRoutes adds calls by way of another telephone.
func (s *Server) callRoutes(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "call", Method: http.MethodPost, Path: "/v1/calls", DefaultStatus: http.StatusCreated,
		Summary:  "Ring the telephones of the extension and connect the one that answers with a number",
		Security: token, MaxBodyBytes: maxControlBody,
	}, s.click)
	for _, p := range a.OpenAPI().Paths["/v1/calls"].Post.Parameters {
		p.Required = p.Required || p.Name == "Idempotency-Key" // told, but asked for by us: huma's answer would be 422
	}
}

// A ClickInput is a number to call, and which telephones of the extension ring
// first: the others, or all of them.
type ClickInput struct {
	Caller
	Key  string `header:"Idempotency-Key" maxLength:"128" doc:"Required. Made by the client, one for each call: the same again within a day calls nobody"`
	Body struct {
		Number string `json:"number" maxLength:"64"`
		Ring   string `json:"ring,omitempty" enum:"others,all" default:"others"`
	}
}

// A Clicked is a call that has begun.
type Clicked struct {
	ID office.ID `json:"id" doc:"Of the call in the log"`
}

func (s *Server) click(ctx context.Context, in *ClickInput) (*Out[Clicked], error) {
	session, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	if in.Key == "" {
		return nil, newProblem(http.StatusBadRequest, "the header Idempotency-Key is missing")
	}
	n, err := office.ParseNumber(in.Body.Number)
	if err != nil {
		return nil, s.refuse(ctx, "call", err)
	}
	if s.cfg.Dialer == nil {
		return nil, s.refuse(ctx, "call", office.ErrUnavailable)
	}
	wish := wish{number: n, ring: in.Body.Ring}
	id, err := s.clicks.once(ctx, session.Account, in.Key, wish, time.Now(), func() (office.ID, error) {
		// A client that goes away asks again with the same key.
		return s.cfg.Dialer.Click(context.WithoutCancel(ctx), session.Account, session.Device.ID, n, wish.ring)
	})
	if errors.Is(err, errOtherWish) {
		return nil, newProblem(http.StatusUnprocessableEntity, "the Idempotency-Key is that of another call")
	}
	if err != nil {
		return nil, s.refuse(ctx, "call", err)
	}
	return &Out[Clicked]{Clicked{id}}, nil
}

// Limits of clicks of one account.
const (
	clickMemory = 24 * time.Hour // how long the answer to one is remembered
	maxClicks   = 200            // that are remembered; the oldest goes first
	clickSpan   = time.Minute
	maxInSpan   = 20 // clicks within clickSpan
)

// errOtherWish says that a key was used for something else.
var errOtherWish = errors.New("another wish has that key")

// clicks remembers who wished to call whom, so that a wish that comes twice is
// fulfilled once. The caller passes the time. It is safe for concurrent use.
type clicks struct {
	mu sync.Mutex
	of map[office.ID][]*click // guarded by mu; by account, oldest first
}

// A wish is what one click asks for.
type wish struct {
	number office.Number
	ring   string
}

// A click is one wish and what became of it.
type click struct {
	key  string
	wish wish
	at   time.Time

	done chan struct{} // closed when what follows is set
	id   office.ID
	err  error
}

func newClicks() *clicks { return &clicks{of: map[office.ID][]*click{}} }

// once returns what do returned for the key of account before, or runs it; who
// comes while it runs waits. What can be tried again is not remembered.
// errOtherWish: the key was used for another wish; office.ErrTooMany: the account
// has too many wishes.
func (c *clicks) once(ctx context.Context, account office.ID, key string, w wish, now time.Time, do func() (office.ID, error)) (office.ID, error) {
	one, first, err := c.enter(account, key, w, now)
	if err != nil {
		return "", err
	}
	if first {
		defer func() { // also where do panics
			if isTransient(one.err) {
				c.forget(account, one)
			}
			close(one.done)
		}()
		one.err = office.ErrUnavailable // until do has returned
		one.id, one.err = do()
		return one.id, one.err
	}
	select {
	case <-one.done:
		return one.id, one.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// isTransient reports whether the same wish may be granted a moment later.
func isTransient(err error) bool {
	var code office.Error
	return err != nil && (!errors.As(err, &code) || code == office.ErrUnavailable || code == office.ErrTooMany)
}

// enter returns the click that has the key, and whether it was made now.
func (c *clicks) enter(account office.ID, key string, w wish, now time.Time) (one *click, first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.DeleteFunc(c.of[account], func(o *click) bool { return now.Sub(o.at) >= clickMemory })
	c.of[account] = all
	if i := slices.IndexFunc(all, func(o *click) bool { return o.key == key }); i >= 0 {
		if all[i].wish != w {
			return nil, false, errOtherWish
		}
		return all[i], false, nil
	}
	if len(all) >= maxInSpan && now.Sub(all[len(all)-maxInSpan].at) < clickSpan {
		return nil, false, office.ErrTooMany
	}
	if len(all) >= maxClicks {
		all = slices.Delete(all, 0, 1)
	}
	one = &click{key: key, wish: w, at: now, done: make(chan struct{})}
	c.of[account] = append(all, one)
	return one, true, nil
}

// forget drops a click.
func (c *clicks) forget(account office.ID, one *click) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[account] = slices.DeleteFunc(c.of[account], func(o *click) bool { return o == one })
}
