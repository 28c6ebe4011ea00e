package officetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pgtest"
)

// How many pairs of extensions call each other in the bench, and how many of them
// set up calls or register at the same time.
const (
	benchLines = 100
	atOnce     = 50
)

// BenchOptions say what Bench measures, and how.
type BenchOptions struct {
	Bin  string   // folder with timbred and timbre
	Bare []string // the command line that, followed by a number of calls, runs BareRelay
	Only []string // names of parts; empty: all
	Rows []int    // how long the short and the long logs are that are synced; nil: 10,000 and 1,000,000. No shorter than 500
}

// Bench measures binaries and prints a table: what was reached, the figure to
// reach, and a peer or the machine itself in the same run. What was measured
// before an error is printed too. It needs sipp, baresip, PostgreSQL, sqlite3 and,
// for the app, Xvfb and xdotool.
func Bench(ctx context.Context, opt BenchOptions, w io.Writer) (err error) {
	for _, name := range opt.Only {
		if !slices.ContainsFunc(benchParts, func(p benchPart) bool { return p.name == name }) {
			return fmt.Errorf("%q is none of %s", name, strings.Join(BenchParts(), ", "))
		}
	}
	if opt.Rows == nil {
		opt.Rows = []int{10_000, 1_000_000}
	}
	fmt.Fprintln(w, "Measuring takes some ten minutes; nothing else should run meanwhile.")
	b := &bench{opt: opt, table: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	defer func() { err = errors.Join(err, b.close(), b.table.Flush()) }()
	b.row("WHAT", "TIMBRE", "TO REACH", "BESIDE IT")
	for _, p := range benchParts {
		if len(opt.Only) > 0 && !slices.Contains(opt.Only, p.name) {
			continue
		}
		if err := b.make(ctx, p); err != nil {
			return err
		}
		if err := p.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// A benchPart is a part of Bench that can be had alone.
type benchPart struct {
	name    string
	calls   bool // needs the office with lines; the others have offices with long logs
	measure func(*bench, context.Context) error
}

// Those that need the office with lines come first: it ends with the last of them.
var benchParts = []benchPart{
	{"relay", true, (*bench).relay},
	{"transcoding", true, (*bench).transcoding},
	{"voicemail", true, (*bench).voicemails},
	{"register", true, (*bench).registrations},
	{"setup", true, (*bench).setUps},
	{"phone", true, (*bench).phoneStart},
	{"app", true, (*bench).appStart},
	{"mouth", true, (*bench).mouth},
	{"delta", false, (*bench).delta},
	{"first", false, (*bench).first},
	{"mirror", false, (*bench).mirror},
	{"push", false, (*bench).push},
	{"login", false, (*bench).logins},
}

// BenchParts returns the names of the parts of Bench.
func BenchParts() (names []string) {
	for _, p := range benchParts {
		names = append(names, p.name)
	}
	return names
}

// bench is one run of Bench.
type bench struct {
	*Office   // with lines, on which calls are made; nil: not made yet, or closed
	opt       BenchOptions
	table     *tabwriter.Writer
	callers   []SippRow
	answerers []office.SIPAccount
	cluster   *pgtest.Cluster // nil: not needed yet
	archives  []*archive
}

// make makes the office with lines where a part needs it, and closes it where it
// does not.
func (b *bench) make(ctx context.Context, p benchPart) (err error) {
	if !p.calls {
		return b.closeLines()
	}
	if b.Office != nil {
		return nil
	}
	if b.Office, err = Spawn(ctx, Options{Bin: b.opt.Bin}); err != nil {
		return err
	}
	if b.callers, b.answerers, err = b.Lines(ctx, benchLines); err != nil {
		return err
	}
	// What it takes to make passwords is none of what is measured.
	if err := b.StopServer(); err != nil {
		return err
	}
	b.Server, err = b.SpawnServer(ctx)
	return err
}

func (b *bench) closeLines() (err error) {
	if b.Office != nil {
		err = b.Office.Close()
		b.Office = nil
	}
	return err
}

// close ends all that was made.
func (b *bench) close() error {
	err := b.closeLines()
	for _, a := range b.archives {
		err = errors.Join(err, a.Close())
	}
	if b.cluster != nil {
		err = errors.Join(err, b.cluster.Stop())
	}
	return err
}

// row adds a line to the table.
func (b *bench) row(what, reached, target, beside string) {
	fmt.Fprintf(b.table, "%s\t%s\t%s\t%s\n", what, reached, target, beside)
}

// A spending is what processes took while something went on.
type spending struct {
	server, us time.Duration // processor time
	rss        int64         // of the server, at the end
	took       time.Duration
}

// share is how much of one core d is.
func (s spending) share(d time.Duration) float64 { return 100 * d.Seconds() / s.took.Seconds() }

// perCall says what each of n calls cost, and what the generator took beside it.
func (s spending) perCall(n int) string {
	return fmt.Sprintf("%.3f %% of a core per call, RSS %.0f MB (timbred %.0f %%, we %.0f %%)",
		s.share(s.server)/float64(n), float64(s.rss)/1e6, s.share(s.server), s.share(s.us))
}

// spent runs f and returns what the office spent meanwhile.
func (b *bench) spent(f func() error) (spending, error) { return spentBy(b.Server, f) }

// spentBy runs f and returns what a server, and this process, spent meanwhile.
func spentBy(server *Process, f func() error) (s spending, err error) {
	now := func() (at time.Time, its, ours Usage) {
		its, err1 := server.Usage()
		ours, err2 := usage(os.Getpid())
		err = errors.Join(err, err1, err2)
		return time.Now(), its, ours
	}
	begin, its, ours := now()
	if err != nil {
		return s, err
	}
	if err := f(); err != nil {
		return s, err
	}
	end, its1, ours1 := now()
	return spending{server: its1.CPU - its.CPU, us: ours1.CPU - ours.CPU, rss: its1.RSS, took: end.Sub(begin)}, err
}

// load runs a sipp to its end and adds what it measured; beside is said of others.
func (b *bench) load(ctx context.Context, what, target, beside string, l SippLoad) error {
	var r SippResult
	spent, err := b.spent(func() error {
		s, err := b.Sipp(ctx, l)
		if err != nil {
			return err
		}
		r, err = s.Result(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(r.Successful) }
	b.row(what, fmt.Sprintf("%.0f/s, %.2f ms CPU each, RSS %.0f MB", float64(r.Successful)/r.Elapsed.Seconds(), each(spent.server), float64(spent.rss)/1e6),
		target, fmt.Sprintf("sipp itself: %.2f ms CPU each%s", each(r.CPU), beside))
	return nil
}

func (b *bench) registrations(ctx context.Context) error {
	port, err := freeUDP(0)
	if err != nil {
		return err
	}
	l := SippLoad{Scenario: SippRegister, Server: b.Ready.SIP, Port: port, Calls: 5000, Rate: 3000, AtOnce: atOnce}
	for _, c := range b.callers {
		l.Rows = append(l.Rows, SippRow{Account: c.Account, Contact: port})
	}
	return b.load(ctx, "REGISTER with digest", "≥ 1000/s", "", l)
}

func (b *bench) setUps(ctx context.Context) error {
	if _, err := b.SippAnswerer(ctx, b.answerers...); err != nil {
		return err
	}
	return b.load(ctx, "call set-up with digest and records", "≥ 200/s, ≤ 1.8 ms, RSS ≤ 120 MB", "; "+asteriskSetUp, SippLoad{
		Scenario: SippCall, Server: b.Ready.SIP, Calls: 2000, Rate: 400, AtOnce: atOnce, Rows: b.callers,
	})
}

// starts is how often a start is measured; the median counts.
const starts = 5

// median runs f several times and returns the middle of its results.
func median(f func() (time.Duration, error)) (time.Duration, error) {
	var all []time.Duration
	for range starts {
		d, err := f()
		if err != nil {
			return 0, err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[starts/2], nil
}

// phoneStart measures from the start of the process to the answer of the
// registrar, over TLS for ours and over UDP for baresip.
func (b *bench) phoneStart(ctx context.Context) error {
	c, err := b.Client(ctx, "103")
	if err != nil {
		return err
	}
	ours, err := median(func() (time.Duration, error) {
		begin := time.Now()
		p, err := c.Start(ctx, "phone", "--audio", "null")
		if err != nil {
			return 0, err
		}
		_, _, err = p.Report(ctx, 0, isRegistered)
		took := time.Since(begin)
		return took, errors.Join(err, p.Stop())
	})
	if err != nil {
		return err
	}
	a, err := b.AddDevice(ctx, "103", "baresip")
	if err != nil {
		return err
	}
	peer, err := median(func() (time.Duration, error) {
		begin := time.Now()
		p, err := b.Baresip(ctx, BaresipOptions{Account: a, Server: b.Ready.SIP, Hz: 440})
		if err != nil {
			return 0, err
		}
		took := time.Since(begin)
		return took, p.Stop()
	})
	if err != nil {
		return err
	}
	b.row("process start → registered", fmt.Sprintf("%.0f ms (TLS)", ours.Seconds()*1000), "≤ 100 ms", fmt.Sprintf("baresip: %.0f ms (UDP)", peer.Seconds()*1000))
	return nil
}
