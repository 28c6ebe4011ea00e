package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
)

// A text of many words, and the same ones over and over, made one search cost
// seconds.
func TestFewWordsOfATextCount(t *testing.T) {
	words := func(text string) int {
		l := newList(TypeCall, "started_at", "a")
		l.containing(text)
		return strings.Count(l.where.String(), "LIKE")
	}
	for text, want := range map[string]int{
		"":                                      0,
		"ana":                                   1,
		"ana ANA aná Ana":                       1, // they are the same
		strings.Repeat("a ", 100) + "1":         2,
		"a b c d e f g h i j k l m n o p":       16,
		"a b c d e f g h i j k l m n o p q r s": 16,
	} {
		if got := words(text); got != want {
			t.Errorf("%q: %d words count, want %d", text, got, want)
		}
	}
}

// Whoever searches without pause holds one turn: others get theirs.
func TestSearchesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s searches
		began, end := make(chan office.ID, 100), make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		search := func(account office.ID) {
			go s.do(ctx, account, func(context.Context) error {
				began <- account
				<-end
				return nil
			})
			synctest.Wait()
		}
		for range 20 {
			search("greedy")
		}
		search("ana")
		search("beto")
		var order []office.ID
		for range 4 {
			order = append(order, <-began)
			if len(began) > 1 {
				t.Errorf("%d more run", len(began))
			}
			if len(order) > 1 {
				end <- struct{}{}
				synctest.Wait()
			}
		}
		if got := order[:3]; got[0] != "greedy" || got[1] != "ana" || got[2] != "beto" && order[3] != "beto" {
			t.Errorf("they came in the order %v", order)
		}
		cancel()
		close(end)
		synctest.Wait()
		if len(s.of) != 0 || len(s.all) != 0 {
			t.Errorf("%d accounts and %d searches are left", len(s.of), len(s.all))
		}
	})
}

func TestSearchesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s searches
		began := time.Now()
		forever := func(ctx context.Context) error { <-ctx.Done(); return errors.New("interrupted") }
		if err := s.do(t.Context(), "ana", forever); !errors.Is(err, office.ErrUnavailable) || time.Since(began) != searchTime {
			t.Errorf("a long search: %v after %s", err, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.do(gone, "ana", forever); err == nil || errors.Is(err, office.ErrUnavailable) {
			t.Errorf("one that nobody wants any more: %v", err)
		}
		if err := s.do(t.Context(), "ana", func(context.Context) error { return office.ErrNotFound }); err != office.ErrNotFound {
			t.Errorf("one that failed: %v", err)
		}
		free := make(chan struct{})
		for _, who := range []office.ID{"beto", "carla"} {
			go s.do(t.Context(), who, func(context.Context) error { <-free; return nil })
		}
		synctest.Wait()
		began = time.Now()
		if err := s.do(t.Context(), "ana", forever); !errors.Is(err, office.ErrUnavailable) || time.Since(began) != searchWait {
			t.Errorf("one whose turn does not come: %v after %s", err, time.Since(began))
		}
		close(free)
		synctest.Wait()
	})
}
