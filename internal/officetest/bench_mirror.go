package officetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// farAway is the round trip with which the first list is measured.
const farAway = 50 * time.Millisecond

// first measures how long it takes from a login to the first page of the calls,
// near and far away.
func (b *bench) first(ctx context.Context) error {
	for _, database := range benchDatabases {
		for _, rows := range b.opt.Rows {
			a, err := b.archive(ctx, database, rows)
			if err != nil {
				return err
			}
			var took [2]time.Duration
			for i, trip := range []time.Duration{0, farAway} {
				if took[i], err = median(func() (time.Duration, error) { return a.firstList(ctx, trip) }); err != nil {
					return fmt.Errorf("first list, %v: %w", a, err)
				}
			}
			trips := (took[1]-took[0]).Seconds()/farAway.Seconds() - 1
			b.row(fmt.Sprintf("login → first page of calls, %v, %v round trip", a, farAway),
				fmt.Sprintf("%.2f s, %.1f round trips after the first connect", took[1].Seconds(), trips), "≤ 1 s, ≤ 4 round trips",
				fmt.Sprintf("near: %.2f s", took[0].Seconds()))
		}
	}
	return nil
}

// firstList logs 101 in over a distance, with an empty profile, and returns how
// long it took until the list of calls was there.
func (a *archive) firstList(ctx context.Context, trip time.Duration) (took time.Duration, err error) {
	way, err := newDistance(ctx, strings.TrimPrefix(a.Ready.HTTPS, "https://"), trip)
	if err != nil {
		return 0, err
	}
	defer way.close()
	dir, err := a.Profile("101")
	if err != nil {
		return 0, err
	}
	e, err := engine.Open(dir, engine.Options{NoDownloads: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	news := e.Subscribe()
	defer news.Close()
	running, stop := context.WithCancel(ctx)
	var run sync.WaitGroup
	defer run.Wait()
	defer stop()
	run.Go(func() { e.Run(running) })
	began := time.Now()
	err = e.Login(ctx, engine.Login{
		Server: "https://" + way.addr(), Company: Company, Extension: "101", Password: a.Person("101").Password, Fingerprint: a.Ready.Fingerprint,
	})
	if err != nil {
		return 0, err
	}
	for limit := time.After(time.Minute); ; {
		calls, err := e.Calls(ctx, local.Filter{})
		if err != nil {
			return 0, err
		}
		if len(calls) == local.DefaultLimit {
			return time.Since(began), nil
		}
		select {
		case <-news.C:
		case <-limit:
			return 0, fmt.Errorf("%d calls after a minute: %w", len(calls), e.Status().Err)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// backfillTime bounds how long a backfill is measured on the second database,
// where nothing else needs it.
const backfillTime = 20 * time.Second

// mirror measures how the client reads a whole log, and how it looks into it
// then.
func (b *bench) mirror(ctx context.Context) error {
	for i, database := range benchDatabases {
		for _, rows := range b.opt.Rows {
			a, err := b.archive(ctx, database, rows)
			if err != nil {
				return err
			}
			long := 10 * time.Minute
			if i > 0 {
				long = backfillTime
			}
			e, dir, err := b.backfill(ctx, a, long)
			if err == nil && i == 0 {
				err = errors.Join(b.looks(ctx, a, e), b.export(ctx, a, e))
			}
			if e != nil {
				err = errors.Join(err, e.Close())
			}
			if err == nil && i == 0 {
				err = b.size(a, dir)
			}
			if err != nil {
				return fmt.Errorf("mirror of %v: %w", a, err)
			}
		}
	}
	return nil
}

// backfill reads the log of an office into an empty profile for that long at most,
// while somebody looks at the list. The caller closes the engine that it returns.
func (b *bench) backfill(ctx context.Context, a *archive, long time.Duration) (e *engine.Engine, dir string, err error) {
	if dir, err = a.Profile("101"); err != nil {
		return nil, "", err
	}
	if e, err = engine.Open(dir, engine.Options{}); err != nil {
		return nil, "", err
	}
	err = e.Login(ctx, engine.Login{
		Server: a.Ready.HTTPS, Company: Company, Extension: "101", Password: a.Person("101").Password, Fingerprint: a.Ready.Fingerprint,
	})
	if err != nil {
		return e, dir, err
	}
	within, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	var pages Delays
	cost, err := spentBy(a.Server, func() (err error) {
		done := make(chan error, 1)
		go func() { done <- e.SyncOnce(within) }()
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case err := <-done:
				tick.Stop()
				if within.Err() != nil && ctx.Err() == nil {
					return nil
				}
				return err
			case <-tick.C:
			}
			began := time.Now()
			if _, err := e.Calls(ctx, local.Filter{}); err != nil {
				cancel()
				return errors.Join(err, <-done)
			}
			pages = append(pages, time.Since(began))
		}
	})
	if err != nil {
		return e, dir, err
	}
	var got lineCounter
	if err := e.ExportCalls(ctx, &got, local.Filter{}, local.CSVStyle{}); err != nil {
		return e, dir, err
	}
	n := int(got) - 1 // without the head
	if within.Err() == nil && n != a.rows {
		return e, dir, fmt.Errorf("%d calls are there, not %d", n, a.rows)
	}
	b.row(fmt.Sprintf("backfill of %s calls of %v", thousands(n), a), fmt.Sprintf("%.0f rows/s; list pages meanwhile %s", float64(n)/cost.took.Seconds(), p50p99(pages)),
		"≥ 20,000 rows/s, pages p99 ≤ 50 ms", cost.shares())
	return e, dir, nil
}

// A lineCounter counts the lines that are written to it.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// looks measures pages of the list anywhere, and searches for what is there often,
// seldom and never.
func (b *bench) looks(ctx context.Context, a *archive, e *engine.Engine) error {
	const tries = 500
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	somewhere := func() local.Cursor {
		return local.Cursor{At: now.Add(-time.Duration(r.IntN(a.rows)) * 30 * time.Second), ID: "m"}
	}
	var pages, searches Delays
	for i := range tries {
		f := local.Filter{Kind: []office.CallKind{"", office.Incoming, office.Outgoing, office.Missed}[i%4]}
		if i%8 > 3 {
			f.After = somewhere()
		}
		began := time.Now()
		if _, err := e.Calls(ctx, f); err != nil {
			return err
		}
		pages = append(pages, time.Since(began))
	}
	texts := []string{
		"ana", "María", "peña", "lopez gar", "x", "zu", "555", "+52 55", "1234", "79993", "8", "97", "0",
		"+522000079993", "4799580", "ximena yañez quiroga", "nadie", "000000000", "luis 999",
	}
	slowest := texts[0]
	var longest time.Duration
	for i := range tries {
		text := texts[i%len(texts)]
		began := time.Now()
		if _, err := e.Search(ctx, text, 50); err != nil {
			return err
		}
		took := time.Since(began)
		if took > longest {
			slowest, longest = text, took
		}
		searches = append(searches, took)
	}
	b.row(fmt.Sprintf("page of the client's list, %s calls", thousands(a.rows)), p50p99(pages), "p99 ≤ 10 ms", "")
	b.row(fmt.Sprintf("the client's search, %s calls", thousands(a.rows)), p50p99(searches), "p99 ≤ 50 ms", fmt.Sprintf("slowest: %q", slowest))
	return nil
}

// export measures the CSV of all calls.
func (b *bench) export(ctx context.Context, a *archive, e *engine.Engine) error {
	began := time.Now()
	var written lineCounter
	if err := e.ExportCalls(ctx, &written, local.Filter{}, local.CSVStyle{}); err != nil {
		return err
	}
	b.row(fmt.Sprintf("CSV of %s calls", thousands(a.rows)), fmt.Sprintf("%.0f rows/s", float64(written)/time.Since(began).Seconds()), "≥ 300,000 rows/s", "")
	return nil
}

// size measures the folder of a profile that is closed.
func (b *bench) size(a *archive, dir string) error {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("the client's database, %s calls", thousands(a.rows)), fmt.Sprintf("%.1f MB, %d bytes a call", float64(size)/1e6, size/int64(a.rows)),
		"≤ 350 MB at 1,000,000", "")
	return nil
}
