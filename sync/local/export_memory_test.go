package local

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/internal/sqldb"
)

// A gauge is a writer that notes the most memory there was while it was written to.
type gauge struct {
	written, looked int64
	heap, resident  uint64 // octets: of live objects, of the process where the system says
}

func (g *gauge) Write(p []byte) (int, error) {
	if g.written += int64(len(p)); g.written-g.looked > 1<<20 {
		g.look()
	}
	return len(p), nil
}

func (g *gauge) look() {
	g.looked = g.written
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.heap = max(g.heap, m.HeapAlloc)
	if b, err := os.ReadFile("/proc/self/statm"); err == nil { // of what SQLite takes Go knows nothing
		pages, _ := strconv.ParseUint(strings.Fields(string(b))[1], 10, 64)
		g.resident = max(g.resident, pages*uint64(os.Getpagesize()))
	}
}

// Memory does not grow with the calls that are exported: ten times as many by
// default, a hundred times with TIMBRE_CALLS=1000000.
func TestExportTakesConstantMemory(t *testing.T) {
	const few = 10_000
	many, err := strconv.Atoi(os.Getenv(figuresVariable))
	if err != nil || many <= few {
		many = 10 * few
	}
	ctx := context.Background()
	m := open(t, t.TempDir())
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
			INSERT INTO party (number, name, folded) SELECT '+5255' || i, 'Peer ' || i, ' peer ' || i FROM n`)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT INTO call (id, started_at, kind, party, outcome, reason, ring, duration, answered_by, forwarded_to, enc_local, enc_remote, quality, round)
			SELECT printf('c%08d', i), $2 + 1000 * i, 'incoming', 1 + i % 1000, 'answered', '', 7, i % 900, '101', '', 'srtp', 'rtp', '', 1 FROM n`, many, millis(noon))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	export := func(f Filter) *gauge {
		g := &gauge{}
		if err := m.ExportCalls(ctx, g, f, CSVStyle{}); err != nil {
			t.Fatal(err)
		}
		g.look()
		return g
	}
	export(Filter{To: noon.Add(few * time.Second)}) // what filling has left goes
	first := export(Filter{To: noon.Add(few * time.Second)})
	for name, f := range map[string]Filter{"all": {}, "incoming ones": {Kind: "incoming"}, "of a name": {Text: "peer"}, "all but the newest": {To: noon.Add(time.Duration(many-1) * time.Second)}} {
		all := export(f)
		t.Logf("%s: %d octets; heap %d KiB after %d KiB, resident %d KiB after %d KiB", name, all.written, all.heap>>10, first.heap>>10, all.resident>>10, first.resident>>10)
		if all.written < int64(many/few)*first.written/2 {
			t.Errorf("%s: %d octets, %d calls of all have %d", name, all.written, few, first.written)
		}
		if all.heap > first.heap+2<<20 {
			t.Errorf("%s: the heap grows from %d to %d octets", name, first.heap, all.heap)
		}
		if all.resident > first.resident+32<<20 { // the page cache of a reader is half of that
			t.Errorf("%s: the process grows from %d to %d octets", name, first.resident, all.resident)
		}
	}
}
