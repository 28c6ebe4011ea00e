package officetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// How the guessers are, and those who are not to suffer from them.
const (
	guessRate  = 1000 // logins a second
	guessers   = 64   // at once
	guessTurns = 20   // from each address
	guessTime  = 8 * time.Second
	quietTime  = 3 * time.Second
	others     = 10
)

// logins measures the login, and the syncs of those who are in while others guess
// at passwords.
func (b *bench) logins(ctx context.Context) error {
	for _, database := range benchDatabases {
		a, err := b.longest(ctx, database)
		if err == nil {
			err = b.loginsOf(ctx, a)
		}
		if err != nil {
			return fmt.Errorf("logins, %s: %w", database, err)
		}
	}
	return nil
}

func (b *bench) loginsOf(ctx context.Context, a *archive) error {
	var took Delays
	inside := make([]*visitor, others)
	for i := range inside {
		inside[i] = a.visitor(nil)
		defer inside[i].close()
		if _, err := inside[i].states(ctx); err == nil { // the handshake is none of the login
			return errors.New("a visitor without a token got in")
		}
		for range 3 {
			d, err := inside[i].enter(ctx, benchPerson(i), a.Person("101").Password)
			if err != nil {
				return err
			}
			took = append(took, d)
		}
	}
	b.row("login, "+a.database, p50p99(took), "≤ 100 ms", "")
	quiet, err := syncs(ctx, inside, quietTime)
	if err != nil {
		return err
	}
	var meanwhile Delays
	var answers map[int]int
	cost, err := spentBy(a.Server, func() error {
		var errs [2]error
		var both sync.WaitGroup
		both.Go(func() { meanwhile, errs[0] = syncs(ctx, inside, guessTime) })
		both.Go(func() { answers, errs[1] = a.guess(ctx, guessTime) })
		both.Wait()
		return errors.Join(errs[:]...)
	})
	if err != nil {
		return err
	}
	wrong, waits := answers[http.StatusUnauthorized], answers[http.StatusTooManyRequests]
	b.row(fmt.Sprintf("syncs during %.0f bad logins/s, %s", float64(wrong+waits)/cost.took.Seconds(), a.database), p50p99(meanwhile), "p99 < 50 ms at 1,000/s",
		fmt.Sprintf("without: %s; %d wrong, %d put off; %s, %.2f ms CPU each", p50p99(quiet), wrong, waits, cost.shares(), ms(cost.server)/float64(wrong+waits)))
	return nil
}

// syncs lets each visitor sync ten times a second for a while.
func syncs(ctx context.Context, inside []*visitor, long time.Duration) (Delays, error) {
	all, errs := make([]Delays, len(inside)), make([]error, len(inside))
	var parts sync.WaitGroup
	for i, v := range inside {
		parts.Go(func() { all[i], errs[i] = v.syncs(ctx, long) })
	}
	parts.Wait()
	var took Delays
	for _, d := range all {
		took = append(took, d...)
	}
	return took, errors.Join(errs...)
}

func (v *visitor) syncs(ctx context.Context, long time.Duration) (took Delays, err error) {
	since, err := v.states(ctx)
	if err != nil {
		return nil, err
	}
	request := v.round(since)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(long); time.Now().Before(end); {
		r, err := v.ask(ctx, request)
		if err != nil {
			return nil, err
		}
		if r.status != http.StatusOK {
			return nil, fmt.Errorf("sync: %w", r.read(nil))
		}
		took = append(took, r.took)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return took, nil
}

// guess tries passwords at guessRate from many addresses, and returns how often
// each status came.
func (a *archive) guess(ctx context.Context, long time.Duration) (map[int]int, error) {
	within, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	turns := make(chan struct{})
	var mu sync.Mutex
	answers := map[int]int{}
	var failed error
	var parts sync.WaitGroup
	for range guessers {
		parts.Go(func() {
			for {
				err := a.guesser(within, turns, func(status int) {
					mu.Lock()
					defer mu.Unlock()
					answers[status]++
				})
				if within.Err() != nil {
					return
				}
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
			}
		})
	}
	begin := time.Now()
	for n := 0; within.Err() == nil; n++ {
		time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / guessRate)))
		select {
		case turns <- struct{}{}:
		case <-within.Done():
		}
	}
	parts.Wait()
	return answers, failed
}

// guesser tries guessTurns passwords from an address of its own.
func (a *archive) guesser(ctx context.Context, turns <-chan struct{}, answered func(status int)) error {
	v := a.visitor(net.IPv4(127, byte(1+mathrand.IntN(250)), byte(mathrand.IntN(250)), byte(1+mathrand.IntN(250))))
	defer v.close()
	for range guessTurns {
		select {
		case <-turns:
		case <-ctx.Done():
			return nil
		}
		r, err := v.login(ctx, benchPerson(mathrand.IntN(2*benchPeople)), rand.Text())
		if err != nil {
			return err
		}
		answered(r.status)
	}
	return nil
}
