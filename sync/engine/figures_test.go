package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// history enters a long history of n calls: parties of whom few call often and
// many seldom.
func (h *house) history(n int) {
	h.t.Helper()
	given := [...]string{"Ana", "Luis", "María", "José", "Marta", "Jorge", "Íñigo", "Sofía"}
	family := [...]string{"López", "Peña", "García", "Hernández", "Muñoz", "Ruiz", "Díaz", "Núñez"}
	r := rand.New(rand.NewPCG(1, 2))
	account, noon := h.account(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var sides []store.Side
	for i := range n {
		who := int(float64(100_000) * r.Float64() * r.Float64() * r.Float64())
		p := office.Party{Number: office.Number(fmt.Sprintf("+52%010d", 2_000_000_000+who*79_993%7_999_999_999))}
		if who%4 > 0 {
			p.Name = given[who%8] + " " + family[who/8%8] + " " + family[who/64%8] + strconv.Itoa(who/512)
		}
		at := noon.Add(-time.Duration(i) * 97 * time.Second)
		sides = append(sides, store.Side{Account: account, Call: office.Call{
			ID: office.NewID(), Kind: office.Incoming, Outcome: office.Answered, Peer: p, StartedAt: at, AnsweredAt: &at, RingDuration: office.Of(7 * time.Second),
			Duration: office.Of(time.Duration(r.IntN(900)) * time.Second), AnsweredBy: "101", Encryption: office.Encryption{Local: "srtp", Remote: "rtp"},
		}})
		if len(sides) == 1000 || i == n-1 {
			must(h.t, h.store.EndCalls(context.Background(), sides...))
			sides = sides[:0]
		}
	}
}

// BenchmarkBackfill reads a history of TIMBRE_BENCH_ROWS calls (default 10,000)
// through server, wire and engine into the local copy, whose list somebody reads
// meanwhile.
func BenchmarkBackfill(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("TIMBRE_BENCH_ROWS"))
	if err != nil {
		n = 10_000
	}
	h := open(b)
	h.history(n)
	ctx := context.Background()
	request := h.request()
	request.Server = "https://" + *h.inner.Load() // no proxy in between
	var lists []time.Duration
	b.ResetTimer()
	for range b.N {
		e := profile(b, b.TempDir(), engine.Options{})
		must(b, e.Login(ctx, request))
		ended := make(chan error, 1)
		go func() { ended <- e.SyncOnce(ctx) }()
		for going := true; going; {
			began := time.Now()
			_, err := e.Calls(ctx, local.Filter{})
			must(b, err)
			lists = append(lists, time.Since(began))
			select {
			case err := <-ended:
				must(b, err)
				going = false
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	b.StopTimer()
	slices.Sort(lists)
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(lists[len(lists)*99/100].Microseconds())/1000, "list-p99-ms")
}
