package store_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

func memos(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	day := f.now.Add(24 * time.Hour)
	ask := func(what string, account office.ID, key, answer, want string, first bool) {
		t.Helper()
		got, isFirst, err := f.Remember(ctx, account, key, answer, day)
		if got != want || isFirst != first || err != nil {
			t.Errorf("%s: %q, first %t, %v", what, got, isFirst, err)
		}
	}
	ask("the first", ana, "k", "c1", "c1", true)
	ask("the same again", ana, "k", "c2", "c1", false)
	ask("another key", ana, "k2", "", "", true)
	ask("another account", beto, "k", "c3", "c3", true)
	ask("the office itself", "", "k", "c4", "c4", true)
	ask("what is no text", ana, "\x00\xff", "c5", "c5", true)
	ask("what is no text, another", ana, "\x00\xfe", "c6", "c6", true)
	f.restart(t)
	ask("after a restart", ana, "k", "c2", "c1", false)

	if _, _, err := f.Remember(ctx, "nobody", "k", "", day); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a missing account: %v", err)
	}

	if kept, ok, err := f.Recall(ctx, ana, "k"); kept != "c1" || !ok || err != nil {
		t.Errorf("recalled %q, %t, %v", kept, ok, err)
	}
	f.now = day // until then, and no longer
	if kept, ok, err := f.Recall(ctx, ana, "k"); kept != "" || ok || err != nil {
		t.Errorf("recalled after its time %q, %t, %v", kept, ok, err)
	}
	day = day.Add(24 * time.Hour)
	ask("after its time", ana, "k", "c7", "c7", true)
	f.keepHouse(t)
	ask("the housekeeping keeps what is young", ana, "k", "c8", "c7", false)
	must(t, f.RemoveExtension(ctx, "101", 0)) // goes with it
	if _, ok, err := f.Recall(ctx, ana, "k"); ok || err != nil {
		t.Errorf("kept of an account that is gone: %v", err)
	}
}

// Of many who ask at once, here and on another server, one is the first.
func memosAtOnce(t *testing.T, f *fixture) {
	ana := f.add(t, "101")
	stores := []*store.Store{f.Store}
	if f.cfg.DSN != "" {
		stores = append(stores, f.second(t))
	}
	for round := range 5 {
		key := strconv.Itoa(round)
		var mu sync.Mutex
		answers, firsts := map[string]int{}, 0
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				kept, first, err := stores[i%len(stores)].Remember(t.Context(), ana, key, strconv.Itoa(i), f.now.Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				answers[kept]++
				if first {
					firsts++
				}
			})
		}
		wg.Wait()
		if firsts != 1 || len(answers) != 1 {
			t.Fatalf("%d were the first, the answers are %v", firsts, answers)
		}
	}
}

// Who is told of something at most so often is, also after a restart.
func noticesOnceInAWhile(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX"}))
	ana := f.add(t, "101")
	disk := store.Mail{Notice: office.Notice{Kind: office.NoticeDisk}, Every: 24 * time.Hour}
	waiting := func(what string, want int) {
		t.Helper()
		if st, err := f.MailStatus(ctx); err != nil || st.Waiting != want {
			t.Errorf("%s: %d mails wait, %v; want %d", what, st.Waiting, err, want)
		}
	}
	must(t, f.AddMail(ctx, disk))
	waiting("to no address", 0)
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX", Email: "admin@example.com"}))
	must(t, f.AddMail(ctx, disk))
	waiting("as soon as there is one", 1)
	f.restart(t)
	must(t, f.AddMail(ctx, disk))
	waiting("again on the same day", 1)
	must(t, f.AddMail(ctx, store.Mail{Notice: office.Notice{Kind: office.NoticeManyCalls, Extension: "101"}, Every: time.Hour}))
	must(t, f.AddMail(ctx, store.Mail{Notice: office.Notice{Kind: office.NoticeManyCalls, Extension: "102"}, Every: time.Hour}))
	waiting("of another kind, and of another extension", 3)
	email := "ana@example.com"
	_, err := f.SetExtension(ctx, "101", store.ExtensionPatch{Email: &email})
	must(t, err)
	must(t, f.AddMail(ctx, store.Mail{Account: ana, Notice: office.Notice{Kind: office.NoticeManyCalls, Extension: "101"}, Every: time.Hour}))
	waiting("to somebody else", 4)
	must(t, f.AddMail(ctx, store.Mail{Notice: disk.Notice}))
	waiting("what is sent whenever it happens", 5)
	f.now = f.now.Add(24 * time.Hour)
	must(t, f.AddMail(ctx, disk))
	waiting("a day later", 6)
}
