package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// A pipe is an answer that goes to the other end of a connection without a buffer.
type pipe struct {
	net.Conn
	h http.Header
}

func (p pipe) Header() http.Header { return p.h }
func (p pipe) WriteHeader(int)     {}
func (p pipe) Flush()              {}

// newStream returns a stream that is not yet running, of a session that has just
// begun, and the client's end of its connection.
func newStream(t *testing.T) (*eventStream, net.Conn) {
	t.Helper()
	ctx := t.Context()
	kept, err := store.Open(ctx, store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	gate := auth.New(auth.Config{Store: kept, Domain: "office.test"})
	e, err := kept.AddExtension(ctx, office.Extension{Number: "101", Name: "Ana"}, "none")
	if err != nil {
		t.Fatal(err)
	}
	const token = "token"
	session, err := kept.AddSession(ctx, store.NewSession{
		Device: office.Device{Extension: "101", Name: "laptop", Username: "d"}, Token: sumOf(token), Password: "none", ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Store: kept, Gate: gate, Log: slog.New(slog.DiscardHandler)})
	here, there := net.Pipe()
	t.Cleanup(func() {
		here.Close()
		there.Close()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	return &eventStream{s: s, w: pipe{here, http.Header{}}, v: &visit{session, token, e}, told: states{}}, there
}

func TestPingsAndComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, client := newStream(t)
		e.ping = 45 * time.Second
		e.types = []store.Type{store.TypeProfile}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.run(ctx, nil) }()
		type event struct {
			name  string
			after time.Duration
		}
		heard := make(chan event, 100)
		began := time.Now()
		go func() {
			defer close(heard)
			jmap.ReadEvents(client, func(one jmap.Event) error {
				heard <- event{one.Name, time.Since(began)}
				return nil
			})
		}()
		want := []event{{"state", 0}, {"ping", 45 * time.Second}, {"state", 60 * time.Second}, {"ping", 105 * time.Second}, {"ping", 150 * time.Second}}
		for i, w := range want {
			if w.name == "state" && i > 0 {
				time.Sleep(w.after - time.Since(began)) // the clock of the bubble
				if _, err := e.s.cfg.Store.SetProfile(t.Context(), e.v.Account, "ana@example.com", office.English, ""); err != nil {
					t.Error(err)
				}
			}
			if got := <-heard; got.name != w.name || got.after.Round(time.Second) != w.after {
				t.Errorf("%v, want %v", got, w)
			}
		}
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		client.Close()
		for range heard {
			t.Error("more events")
		}
	})
}

// A client that is gone without a word, or that reads nothing, holds a stream no
// longer than it takes to find that out.
func TestAClientThatDoesNotReadIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, client := newStream(t)
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- e.run(t.Context(), nil) }()
		var first [8]byte
		if _, err := io.ReadFull(client, first[:]); err != nil || !strings.HasPrefix("id: Availability", string(first[:])) {
			t.Errorf("%q, %v", first, err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began).Round(time.Second) != streamTime {
			t.Errorf("%v after %s, want it left after %s", err, time.Since(began), streamTime)
		}
	})
	synctest.Test(t, func(t *testing.T) { // it was all well, until it slept
		e, client := newStream(t)
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- e.run(t.Context(), nil) }()
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			client.SetReadDeadline(began.Add(time.Minute + time.Second))
			io.Copy(io.Discard, client)
		}()
		<-stopped
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began).Round(time.Second) != 90*time.Second+streamTime {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// sumOf returns how the store knows a token.
func sumOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
