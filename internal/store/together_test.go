package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// together runs all of do at the same time, on PostgreSQL each on the next of two
// servers, and waits for them.
func (f *fixture) together(t *testing.T, other *store.Store, do ...func(*store.Store) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i, one := range do {
		s := f.Store
		if other != nil && i%2 == 1 {
			s = other
		}
		wg.Go(func() {
			if err := one(s); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// other is another server, where the database can have two.
func (f *fixture) other(t *testing.T) *store.Store {
	if f.cfg.DSN == "" {
		return nil
	}
	return f.second(t)
}

// Who changes one thing of an extension does not take back what somebody else
// changes at the same time.
func changesTogether(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX"}))
	ana := f.add(t, "101")
	other := f.other(t)
	for i := 1; i <= 25; i++ {
		email, name := fmt.Sprintf("a%d@example.com", i), fmt.Sprint("Ana ", i)
		v := office.VoicemailSettings{RingSeconds: 5 + i, Greeting: office.Greeting{Kind: office.GreetingDefault}}
		f.together(
			t, other,
			func(s *store.Store) error { _, err := s.SetProfile(ctx, ana, email, office.English, ""); return err },
			func(s *store.Store) error {
				_, err := s.SetExtension(ctx, "101", store.ExtensionPatch{Minutes: &i})
				return err
			},
			func(s *store.Store) error { _, err := s.SetVoicemailSettings(ctx, ana, v, ""); return err },
			func(s *store.Store) error {
				_, err := s.SetExtension(ctx, "101", store.ExtensionPatch{Name: &name})
				return err
			},
			func(s *store.Store) error { return s.SetPINHash(ctx, ana, name) },
			func(s *store.Store) error { return s.SetPasswordHash(ctx, "101", name, "") },
		)
		e, err := f.Extension(ctx, "101")
		if err != nil || e.Email != email || e.Name != name || e.Rights.Minutes != i || e.RingTime != time.Duration(5+i)*time.Second || e.Language != office.English {
			t.Fatalf("round %d: %+v, %v", i, e, err)
		}
		if hash, err := f.PINHash(ctx, ana); hash != name || err != nil {
			t.Fatalf("round %d: PIN %q, %v", i, hash, err)
		}
	}
}

// Calls, messages and what the administrator does to many at once do not wait
// for each other in a ring, or at least end.
func everythingTogether(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX"}))
	ana, beto := f.add(t, "101"), f.add(t, "102")
	other := f.other(t)
	before, err := f.State(ctx, ana, store.TypeCall)
	must(t, err)
	const rounds = 10
	for i := range rounds {
		id := func(s string) office.ID { return office.ID(fmt.Sprint(s, i)) }
		sides := func(s string) []store.Side {
			return []store.Side{
				{Account: ana, Call: ended(id("a"+s), office.Outgoing, office.ToVoicemail, f.now)},
				{Account: beto, Call: ended(id("b"+s), office.Missed, office.ToVoicemail, f.now)},
			}
		}
		message := func(account office.ID, s string) func(*store.Store) error {
			return func(on *store.Store) error {
				_, err := on.AddVoicemail(ctx, store.NewVoicemail{
					Recording: store.Recording{ID: id(s), Account: account, StartedAt: f.now}, Audio: sound[:10], Calls: sides(s),
				})
				return err
			}
		}
		number := office.Number(fmt.Sprint(200 + i))
		f.together(
			t, other,
			message(ana, "v"),
			message(beto, "w"),
			func(s *store.Store) error { return s.EndCalls(ctx, sides("c")...) },
			func(s *store.Store) error { return s.SetCompany(ctx, office.Company{Number: "+525555550100"}) },
			func(s *store.Store) error {
				return s.SetLine(ctx, office.Line{Number: "+525555550123", Extensions: []office.Number{"102", "101"}[i%2:]})
			},
			func(s *store.Store) error {
				_, err := s.AddExtension(ctx, office.Extension{Number: number}, "")
				return err
			},
			func(s *store.Store) error { return s.KeepHouse(ctx) },
			func(s *store.Store) error { return s.AddUsage(ctx, beto, f.now, time.Second) },
		)
		must(t, f.RemoveExtension(ctx, number, 0))
	}
	c, err := f.Changes(ctx, ana, store.TypeCall, before, 0)
	if err != nil || len(c.Created) != 3*rounds {
		t.Errorf("%d calls, %v", len(c.Created), err)
	}
	if u, err := f.Usage(ctx, beto, f.now); u.Calls != rounds || err != nil {
		t.Errorf("%+v, %v", u, err)
	}
}
