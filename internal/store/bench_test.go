package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pgtest"
	"timbre/internal/store"
)

// BenchmarkCallRecords is what one call writes: two live rows, and their end.
func BenchmarkCallRecords(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var accounts [20]office.ID
	for i := range accounts {
		e, err := s.AddExtension(b.Context(), office.Extension{Number: office.Number(strconv.Itoa(100 + i))}, "")
		if err != nil {
			b.Fatal(err)
		}
		accounts[i] = e.Account
	}
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := int(n.Add(1))
			out := store.Side{Account: accounts[i%20], Call: call(office.NewID(), office.Outgoing, time.Now())}
			in := store.Side{Account: accounts[(i+1)%20], Call: call(office.NewID(), office.Incoming, time.Now())}
			if err := s.BeginCalls(b.Context(), out, in); err != nil {
				b.Fatal(err)
			}
			out.Call.Outcome, in.Call.Outcome = office.Answered, office.Answered
			if err := s.EndCalls(b.Context(), out, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLog reads from a log of TIMBRE_BENCH_ROWS calls (default 10,000) on
// each database: a first page, a page in the middle and its place, what changed in
// the last 100 calls, and all of it page after page.
func BenchmarkLog(b *testing.B) {
	rows, err := strconv.Atoi(os.Getenv("TIMBRE_BENCH_ROWS"))
	if err != nil {
		rows = 10_000
	}
	b.Run("sqlite", func(b *testing.B) { benchmarkLog(b, "", rows) })
	b.Run("postgres", func(b *testing.B) { benchmarkLog(b, pgtest.Start(b).Database(b), rows) })
}

func benchmarkLog(b *testing.B, dsn string, rows int) {
	ctx := b.Context()
	s, err := store.Open(ctx, store.Config{Dir: b.TempDir(), DSN: dsn})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	e, err := s.AddExtension(ctx, office.Extension{Number: "101"}, "")
	if err != nil {
		b.Fatal(err)
	}
	since := fill(b, s, e.Account, rows)
	if dsn != "" { // PostgreSQL does this by itself within minutes
		if err := s.Exec(ctx, "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
	middle := office.ID(fmt.Sprintf("c%07d", rows/2))
	for _, one := range []struct {
		name string
		rows int // that are read at once
		read func() error
	}{
		{"first page", 50, func() error {
			_, err := s.QueryCalls(ctx, e.Account, store.CallFilter{Kind: office.Missed}, store.Page{Limit: 50})
			return err
		}},
		{"page in the middle", 50, func() error {
			_, err := s.QueryCalls(ctx, e.Account, store.CallFilter{}, store.Page{Anchor: middle, Limit: 50})
			return err
		}},
		{"place of the middle", 0, func() error {
			_, err := s.PlaceOfCall(ctx, e.Account, store.CallFilter{}, middle)
			return err
		}},
		{"states", 0, func() error {
			_, err := s.States(ctx, e.Account)
			return err
		}},
		{"no changes", 0, func() error {
			st, err := s.State(ctx, e.Account, store.TypeCall)
			if err != nil {
				return err
			}
			_, err = s.Changes(ctx, e.Account, store.TypeCall, st, 0)
			return err
		}},
		{"100 changes and their rows", 100, func() error {
			c, err := s.Changes(ctx, e.Account, store.TypeCall, since, 0)
			if err != nil || len(c.Created) != 100 {
				return fmt.Errorf("%d changes: %w", len(c.Created), err)
			}
			_, err = s.Calls(ctx, e.Account, c.Created...)
			return err
		}},
		{"all", rows, func() error { return readAll(ctx, s, e.Account, rows) }},
	} {
		b.Run(fmt.Sprintf("%s of %d", one.name, rows), func(b *testing.B) {
			for b.Loop() {
				if err := one.read(); err != nil {
					b.Fatal(err)
				}
			}
			if one.rows > 0 {
				b.ReportMetric(float64(one.rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			}
		})
	}
}

// readAll reads a log as a client does that has nothing yet.
func readAll(ctx context.Context, s *store.Store, account office.ID, rows int) error {
	var p store.Page
	for n := 0; ; {
		if p.Anchor != "" {
			if at, err := s.PlaceOfCall(ctx, account, store.CallFilter{}, p.Anchor); err != nil || at != n-1 {
				return fmt.Errorf("row %d in place %d: %w", n-1, at, err)
			}
		}
		ids, err := s.QueryCalls(ctx, account, store.CallFilter{}, p)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			if n != rows {
				return fmt.Errorf("%d rows read of %d", n, rows)
			}
			return nil
		}
		all, err := s.Calls(ctx, account, ids...)
		if err != nil || len(all) != len(ids) {
			return fmt.Errorf("%d rows read of %d: %w", len(all), len(ids), err)
		}
		n += len(ids)
		p.Anchor = ids[len(ids)-1]
	}
}

// fill enters n calls into the log of account, 100 of them after the state that
// it returns.
func fill(b *testing.B, s *store.Store, account office.ID, n int) (since store.State) {
	b.Helper()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err := s.Fill(b.Context(), account, n, func(i int) office.Call {
		kind := []office.CallKind{office.Incoming, office.Outgoing, office.Missed}[i%3]
		return ended(office.ID(fmt.Sprintf("c%07d", i)), kind, office.Answered, start.Add(time.Duration(i)*time.Second))
	})
	if err != nil {
		b.Fatal(err)
	}
	return s.StateAt(n - 100)
}
