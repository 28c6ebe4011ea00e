package officetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"timbre/internal/api"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// push measures how long after a change the clients that listen know of it, and
// what one that listens costs.
func (b *bench) push(ctx context.Context) error {
	for _, database := range benchDatabases {
		a, err := b.longest(ctx, database)
		if err == nil {
			err = b.pushOf(ctx, a)
		}
		if err != nil {
			return fmt.Errorf("push, %s: %w", database, err)
		}
	}
	return nil
}

// firstListeners is how many listen before memory is looked at.
const firstListeners = 20

func (b *bench) pushOf(ctx context.Context, a *archive) (err error) {
	listeners := make([]*listener, benchPeople)
	for i := range listeners {
		l := &listener{visitor: a.visitor(nil), heard: make(chan hearing, 64), ring: 25}
		defer l.close()
		if _, err := l.enter(ctx, benchPerson(i), a.Person("101").Password); err != nil {
			return err
		}
		l.close() // it comes again to listen
		listeners[i] = l
	}
	// What the logins took is none of what listening takes.
	if err := a.StopServer(); err != nil {
		return err
	}
	if a.Server, err = a.SpawnServer(ctx); err != nil {
		return err
	}
	listening, stop := context.WithCancel(ctx)
	var hearing sync.WaitGroup
	defer hearing.Wait()
	defer stop()
	// The first ones bring the server's code into memory.
	for _, l := range listeners[:firstListeners] {
		if err := l.listen(listening, &hearing); err != nil {
			return err
		}
	}
	if _, err := pushes(ctx, listeners[:firstListeners]); err != nil {
		return err
	}
	before, err := a.Server.Usage()
	if err != nil {
		return err
	}
	for _, l := range listeners[firstListeners:] {
		if err := l.listen(listening, &hearing); err != nil {
			return err
		}
	}
	var one, all Delays
	cost, err := spentBy(a.Server, func() (err error) {
		if one, err = pushes(ctx, listeners); err != nil {
			return err
		}
		all, err = a.announcements(ctx, listeners)
		return err
	})
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("request → commit → its client told, %d listen, %s", len(listeners), a.database), p50p99(one), "p99 ≤ 100 ms", cost.shares())
	b.row(fmt.Sprintf("request → commit → all %d told, %s", len(listeners), a.database), p50p99(all), "p99 ≤ 100 ms", "")
	b.row("a client that listens, "+a.database, fmt.Sprintf("%.0f kB resident", float64(cost.rss-before.RSS)/1e3/float64(len(listeners)-firstListeners)), "≤ 60 kB",
		fmt.Sprintf("RSS with %d: %.0f MB, with %d: %.0f MB", firstListeners, float64(before.RSS)/1e6, len(listeners), float64(cost.rss)/1e6))
	return nil
}

// A listener is a visitor who hears the event source.
type listener struct {
	*visitor
	heard chan hearing
	ring  int // seconds before its voicemail answers
}

// A hearing is one event with the states that it tells.
type hearing struct {
	at     time.Time
	states map[string]string
}

// listen opens the event source and returns when its first event has come.
func (l *listener) listen(ctx context.Context, parts *sync.WaitGroup) error {
	res, err := l.open(ctx, http.MethodGet, "/jmap/eventsource?closeafter=no&ping=30&types=Extension,VoicemailSettings", nil)
	if err != nil {
		return err
	}
	parts.Go(func() {
		defer res.Body.Close()
		jmap.ReadEvents(res.Body, func(e jmap.Event) error {
			at := time.Now()
			var change jmap.StateChange
			if e.Name != "state" {
				return nil
			}
			if err := json.Unmarshal(e.Data, &change); err != nil {
				return err
			}
			l.heard <- hearing{at, change.Changed[l.account]}
			return nil
		})
	})
	_, err = l.await(ctx, func(map[string]string) bool { return true })
	return err
}

// hearTime bounds how long an event is waited for.
const hearTime = 10 * time.Second

// await returns when an event was heard that says what is wanted.
func (l *listener) await(ctx context.Context, wanted func(map[string]string) bool) (time.Time, error) {
	limit := time.NewTimer(hearTime)
	defer limit.Stop()
	for {
		select {
		case h := <-l.heard:
			if wanted(h.states) {
				return h.at, nil
			}
		case <-limit.C:
			return time.Time{}, fmt.Errorf("nothing heard within %v", hearTime)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// pushes has one after the other change a setting, and returns how long after the
// request was sent each heard of it on the event source.
func pushes(ctx context.Context, listeners []*listener) (took Delays, err error) {
	for range 2 {
		for _, l := range listeners {
			l.ring = 45 - l.ring // 20 and 25
			var request jmap.Request
			id := request.Call(string(local.VoicemailSettingsType)+"/set", jmap.SetArgs{AccountID: l.account, Update: map[jmap.ID]jmap.Patch{
				"singleton": {"ringSeconds": json.RawMessage(fmt.Sprint(l.ring))},
			}})
			began := time.Now()
			r, err := l.ask(ctx, &request)
			if err != nil {
				return nil, err
			}
			var response jmap.Response
			var set jmap.SetResponse
			if err := r.read(&response); err != nil {
				return nil, err
			}
			if err := response.Find(id, &set); err != nil {
				return nil, err
			}
			at, err := l.await(ctx, func(s map[string]string) bool { return s[string(local.VoicemailSettingsType)] == set.NewState })
			if err != nil {
				return nil, err
			}
			took = append(took, at.Sub(began))
		}
	}
	return took, nil
}

// announcements changes a name in the directory, which everybody is told, and
// returns how long after the request was sent each heard of it.
func (a *archive) announcements(ctx context.Context, listeners []*listener) (took Delays, err error) {
	states, err := listeners[0].states(ctx)
	if err != nil {
		return nil, err
	}
	old := states[local.ExtensionType]
	for i := range 20 {
		name := fmt.Sprintf("Persona %d", i)
		began := time.Now()
		if err := a.SetExtension(ctx, "101", api.ExtensionChange{Name: &name}); err != nil {
			return nil, err
		}
		now := ""
		for _, l := range listeners {
			at, err := l.await(ctx, func(s map[string]string) bool {
				now = s[string(local.ExtensionType)]
				return now != old
			})
			if err != nil {
				return nil, err
			}
			took = append(took, at.Sub(began))
		}
		old = now
	}
	return took, nil
}
