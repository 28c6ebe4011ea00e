package officetest

import (
	"context"
	"fmt"

	"timbre/sync/jmap"
	"timbre/sync/local"
)

// deltaTries is how often each sync is measured.
const deltaTries = 200

// delta measures the one request of a sync after 0, 1, 100 and 500 changes, with
// a long log and a short one in turn.
func (b *bench) delta(ctx context.Context) error {
	for _, database := range benchDatabases {
		var visitors []*visitor
		var archives []*archive
		for _, rows := range b.opt.Rows {
			a, err := b.archive(ctx, database, rows)
			if err != nil {
				return err
			}
			v := a.visitor(nil)
			defer v.close()
			if _, err := v.enter(ctx, "101", a.Person("101").Password); err != nil {
				return err
			}
			archives, visitors = append(archives, a), append(visitors, v)
		}
		for _, changes := range []int{0, 1, 100, 500} {
			if err := b.deltaOf(ctx, changes, archives, visitors); err != nil {
				return fmt.Errorf("delta of %d, %s: %w", changes, database, err)
			}
		}
		if err := b.total(ctx, archives[len(archives)-1], visitors[len(visitors)-1]); err != nil {
			return err
		}
	}
	return nil
}

// deltaOf measures the sync after so many changes of the calls.
func (b *bench) deltaOf(ctx context.Context, changes int, archives []*archive, visitors []*visitor) error {
	requests, took, size := make([]*jmap.Request, len(visitors)), make([]Delays, len(visitors)), 0
	for i, v := range visitors {
		since, err := v.states(ctx)
		if err != nil {
			return err
		}
		if since[local.CallType], err = earlier(since[local.CallType], changes); err != nil {
			return err
		}
		requests[i] = v.round(since)
		if err := brought(ctx, v, requests[i], changes); err != nil {
			return err
		}
	}
	long := len(visitors) - 1
	cost, err := spentBy(archives[long].Server, func() error {
		for range deltaTries {
			for i, v := range visitors {
				r, err := v.ask(ctx, requests[i])
				if err != nil {
					return err
				}
				took[i] = append(took[i], r.took)
				size = len(r.body)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	target := "≤ 1.5 ×"
	if changes == 100 {
		target = "p50 ≤ 3 ms, ≤ 8 kB, ≤ 1.5 ×"
	}
	b.row(fmt.Sprintf("sync after %d changes, %v", changes, archives[long]),
		fmt.Sprintf("%s, %.1f kB; %.2f × that of %s rows", p50p99(took[long]), float64(size)/1e3,
			took[long].Percentile(50).Seconds()/took[0].Percentile(50).Seconds(), thousands(archives[0].rows)),
		target, fmt.Sprintf("%s rows: %s; %.2f ms CPU each, %s", thousands(archives[0].rows), p50p99(took[0]), ms(cost.server)/deltaTries, cost.shares()))
	return nil
}

// brought returns an error where the answer to a request does not hold so many
// calls.
func brought(ctx context.Context, v *visitor, request *jmap.Request, changes int) error {
	r, err := v.ask(ctx, request)
	if err != nil {
		return err
	}
	var response jmap.Response
	if err := r.read(&response); err != nil {
		return err
	}
	n := 0
	for i, call := range request.Calls {
		var got jmap.GetResponse
		if call.Name == "Call/get" {
			if err := response.Find(fmt.Sprint(i), &got); err != nil {
				return err
			}
			n += len(got.List)
		}
	}
	if n != changes {
		return fmt.Errorf("%d calls came, not %d", n, changes)
	}
	return nil
}

// total measures a first page whose client wants to know how many there are.
func (b *bench) total(ctx context.Context, a *archive, v *visitor) error {
	const tries = 20
	limit := 50
	var took Delays
	for range tries {
		var request jmap.Request
		request.Call("Call/query", jmap.QueryArgs{AccountID: v.account, Limit: &limit, CalculateTotal: true})
		r, err := v.ask(ctx, &request)
		if err != nil {
			return err
		}
		took = append(took, r.took)
	}
	b.row(fmt.Sprintf("first page with the total, %v", a), p50p99(took), "", "")
	return nil
}

// p50p99 writes the median and the 99th of 100.
func p50p99(d Delays) string {
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", ms(d.Percentile(50)), ms(d.Percentile(99)))
}

// shares says what the server and this process took of a core.
func (s spending) shares() string {
	return fmt.Sprintf("timbred %.0f %%, we %.0f %%", s.share(s.server), s.share(s.us))
}
