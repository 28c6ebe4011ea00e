package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"timbre/internal/office"
)

// TIMBRE_CALLS says for how many calls the figures are measured.
const figuresVariable = "TIMBRE_CALLS"

// generated is the call i of a long history, newest first: parties of whom few
// call often and many seldom, a tenth of the calls with a quality.
func generated(r *rand.Rand, i int) json.RawMessage {
	given := [...]string{"Ana", "Luis", "María", "José", "Marta", "Jorge", "Íñigo", "Sofía", "Raúl", "Elena", "Óscar", "Lucía", "Hugo", "Nadia", "Félix", "Ximena"}
	family := [...]string{"López", "Peña", "García", "Hernández", "Muñoz", "Ruiz", "Díaz", "Núñez", "Ortega", "Vázquez", "Ibáñez", "Castro", "Zúñiga", "Kuri", "Quiroga", "Yáñez"}
	who := int(float64(100_000) * r.Float64() * r.Float64() * r.Float64())
	p := office.Party{Number: office.Number(fmt.Sprintf("+52%010d", 2_000_000_000+who*79_993%7_999_999_999))}
	if who%4 > 0 {
		p.Name = given[who%16] + " " + family[who/16%16] + " " + family[who/256%16] + strconv.Itoa(who/4096)
	}
	at := noon.Add(-time.Duration(i) * 97 * time.Second)
	c := office.Call{
		ID: office.NewID(), Kind: office.Incoming, Outcome: office.Answered, Peer: p, StartedAt: at, AnsweredAt: &at, RingDuration: office.Of(7 * time.Second),
		Duration: office.Of(time.Duration(r.IntN(900)) * time.Second), AnsweredBy: "101", Encryption: office.Encryption{Local: "srtp", Remote: "rtp"},
	}
	switch {
	case i%3 == 0:
		c.Kind, c.AnsweredBy = office.Outgoing, ""
	case i%40 == 1:
		c.Kind, c.Outcome, c.AnsweredAt, c.Duration, c.AnsweredBy = office.Missed, office.NoAnswer, nil, 0, ""
	}
	if i%10 == 0 {
		c.Quality = map[office.ID]office.Quality{"device000000": {Codec: "opus", Loss: 0.0125, Jitter: 0.0031, Delay: 0.081}}
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

// percentiles runs fn n times and returns the median and the 99th of 100.
func percentiles(n int, fn func(i int)) (p50, p99 time.Duration) {
	var took []time.Duration
	for i := range n {
		began := time.Now()
		fn(i)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2].Round(10 * time.Microsecond), took[len(took)*99/100].Round(10 * time.Microsecond)
}

// TestFigures prints what design §8 asks of the local copy. Times are never an
// error; the size is.
func TestFigures(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(figuresVariable))
	if err != nil {
		n = 2000 // that it works at all
	}
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	stop, lists := make(chan struct{}), make(chan []time.Duration, 1)
	go func() { // somebody looks at the list meanwhile
		var took []time.Duration
		for {
			select {
			case <-stop:
				slices.Sort(took)
				lists <- took
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			if _, err := m.Calls(ctx, Filter{}); err != nil {
				t.Error(err)
			}
			took = append(took, time.Since(began))
		}
	}()
	var spent time.Duration
	for i := 0; i < n; i += 500 {
		page := make([]json.RawMessage, 0, 500)
		for j := i; j < min(i+500, n); j++ {
			page = append(page, generated(r, j))
		}
		began := time.Now()
		place, err := m.BeginRead(ctx, CallType)
		if err == nil {
			err = m.AddRead(ctx, place, "1", m.Parse(place.Type, page), office.ID(strconv.Itoa(i)))
		}
		if err != nil {
			t.Fatal(err)
		}
		spent += time.Since(began)
	}
	close(stop)
	if took := <-lists; len(took) > 0 {
		t.Logf("list pages meanwhile: p50 %v, p99 %v, worst %v", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	}
	place, err := m.BeginRead(ctx, CallType)
	if err == nil {
		err = m.EndRead(ctx, place)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("backfill: %d rows, %.0f rows/s", n, float64(n)/spent.Seconds())
	figuresOfLists(t, m, n)
	began := time.Now()
	if err := m.ExportCalls(ctx, io.Discard, Filter{}, CSVStyle{Device: "device000000"}); err != nil {
		t.Fatal(err)
	}
	t.Logf("CSV: %.0f rows/s", float64(n)/time.Since(began).Seconds())
	m.Close()
	info, err := os.Stat(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("database: %d octets a call", info.Size()/int64(n))
	if n >= 100_000 && info.Size()/int64(n) > 350 {
		t.Errorf("%d octets a call, want at most 350", info.Size()/int64(n))
	}
}

func figuresOfLists(t *testing.T, m *Mirror, n int) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(3, 4))
	tries := min(200, max(5, n/1000))
	somewhere := func() Cursor { return Cursor{noon.Add(-time.Duration(r.IntN(n)) * 97 * time.Second), "m"} }
	for _, c := range []struct {
		name string
		f    func() Filter
	}{
		{"first page", func() Filter { return Filter{} }},
		{"page anywhere", func() Filter { return Filter{After: somewhere()} }},
		{"page of missed ones", func() Filter { return Filter{Kind: office.Missed, After: somewhere()} }},
		{"page of incoming ones", func() Filter { return Filter{Kind: office.Incoming, After: somewhere()} }},
		{"week", func() Filter { at := somewhere().At; return Filter{From: at.Add(-7 * 24 * time.Hour), To: at} }},
	} {
		p50, p99 := percentiles(tries, func(int) {
			if _, err := m.Calls(ctx, c.f()); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: p50 %v, p99 %v", c.name, p50, p99)
	}
	for _, text := range []string{
		"ana", "María", "peña", "lopez gar", "x", "zu", "555", "+52 55", "1234", "79993", "8", "97", "0",
		"+522000079993", "4799580", "ximena yañez quiroga7", "nadie", "000000000", "luis 999",
	} {
		p50, p99 := percentiles(tries, func(int) {
			if _, err := m.Search(ctx, text, 50); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("search %q: p50 %v, p99 %v", text, p50, p99)
	}
}
