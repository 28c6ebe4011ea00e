package officetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"timbre/internal/office"
)

// benchLines is how many pairs of extensions call each other in the bench.
const benchLines = 50

// Bench measures the binaries in the folder bin and prints a table: what was
// reached, the figure to reach, and a peer or the machine itself in the same
// run. It needs sipp, baresip and, for the app, Xvfb and xdotool. The command
// line bare, followed by a number of calls, runs BareRelay.
func Bench(ctx context.Context, bin string, bare []string, w io.Writer) (err error) {
	fmt.Fprintln(w, "Measuring takes some two minutes; nothing else should run meanwhile.")
	o, err := Spawn(ctx, Options{Bin: bin})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	b := &bench{Office: o, bare: bare, table: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if b.callers, b.answerers, err = o.Lines(ctx, benchLines); err != nil {
		return err
	}
	b.row("WHAT", "TIMBRE", "TO REACH", "BESIDE IT")
	for _, measure := range []func(context.Context) error{
		b.relay, b.registrations, b.setUps, b.phoneStart, b.appStart,
	} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return b.table.Flush()
}

// bench is one run of Bench.
type bench struct {
	*Office
	bare      []string
	table     *tabwriter.Writer
	callers   []SippRow
	answerers []office.SIPAccount
}

// row adds a line to the table.
func (b *bench) row(what, reached, target, beside string) {
	fmt.Fprintf(b.table, "%s\t%s\t%s\t%s\n", what, reached, target, beside)
}

// spent runs f and returns what processor time the server spent meanwhile.
func (b *bench) spent(f func() error) (time.Duration, error) {
	before, err := b.Server.Usage()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := b.Server.Usage()
	return after.CPU - before.CPU, err
}

// load runs a sipp to its end and adds what it measured.
func (b *bench) load(ctx context.Context, what, target string, l SippLoad) error {
	var r SippResult
	cpu, err := b.spent(func() error {
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
	u, err := b.Server.Usage()
	if err != nil {
		return err
	}
	b.row(what, fmt.Sprintf("%.0f/s, %.2f ms CPU each, RSS %.0f MB", float64(r.Successful)/r.Elapsed.Seconds(), each(cpu), float64(u.RSS)/1e6),
		target, fmt.Sprintf("sipp itself: %.2f ms CPU each", each(r.CPU)))
	return nil
}

func (b *bench) registrations(ctx context.Context) error {
	port, err := freeUDP(0)
	if err != nil {
		return err
	}
	l := SippLoad{Scenario: SippRegister, Server: b.Ready.SIP, Port: port, Calls: 5000, Rate: 3000, AtOnce: benchLines}
	for _, c := range b.callers {
		l.Rows = append(l.Rows, SippRow{Account: c.Account, Contact: port})
	}
	return b.load(ctx, "REGISTER with digest", "≥ 500/s", l)
}

func (b *bench) setUps(ctx context.Context) error {
	if _, err := b.SippAnswerer(ctx, b.answerers...); err != nil {
		return err
	}
	return b.load(ctx, "call set-up with digest and records", "≥ 100/s, ≤ 2.5 ms", SippLoad{
		Scenario: SippCall, Server: b.Ready.SIP, Calls: 2000, Rate: 400, AtOnce: benchLines, Rows: b.callers,
	})
}

// relayTime is how long the relay is measured at each load.
const relayTime = 10 * time.Second

// relay measures how much longer the way of packets through the office is than
// without it, while many calls go on.
func (b *bench) relay(ctx context.Context) (err error) {
	from, stopFrom, err := newStation()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopFrom()) }()
	to, stopTo, err := newStation()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopTo()) }()
	for _, a := range b.answerers {
		unregister, err := to.register(ctx, b.Ready.SIP, a)
		if err != nil {
			return err
		}
		defer unregister()
	}
	for _, calls := range []int{1, 50, 100} {
		if err := b.relayAt(ctx, calls, from, to); err != nil {
			return fmt.Errorf("relay at %d calls: %w", calls, err)
		}
	}
	return nil
}

// relayAt measures while that many calls go on, beside one call that does not
// pass through the office.
func (b *bench) relayAt(ctx context.Context, calls int, from, to *station) error {
	var talks []talk
	for i := range calls {
		row := b.callers[i%benchLines]
		auth := credentials(row.Account)
		t, err := from.call(ctx, "sip:"+string(row.Number)+"@"+row.Account.Domain, b.Ready.SIP, &auth, to)
		if err != nil {
			return err
		}
		talks = append(talks, t)
	}
	alone, err := from.call(ctx, "sip:bench@localhost", to.addr.String(), nil, to)
	if err != nil {
		return err
	}
	var through, direct Delays
	cpu, err := b.spent(func() error {
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { through, errs[0] = measure(ctx, talks, relayTime) })
		wg.Go(func() { direct, errs[1] = measure(ctx, []talk{alone}, relayTime) })
		wg.Wait()
		return errors.Join(errs[:]...)
	})
	if err != nil {
		return err
	}
	u, err := b.Server.Usage()
	if err != nil {
		return err
	}
	bare, bareDelays, err := bareCost(ctx, b.bare, calls)
	if err != nil {
		return err
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	b.row(fmt.Sprintf("relay at %d calls, added delay", calls),
		fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", ms(through.Percentile(50)-direct.Percentile(50)), ms(through.Percentile(99)-direct.Percentile(99))),
		"p99 ≤ 2 ms",
		fmt.Sprintf("without relay: p99 %.2f ms; nothing but sockets: p99 %.2f ms", ms(direct.Percentile(99)), ms(bareDelays.Percentile(99))))
	if calls < 100 {
		return nil // too little to be measured well
	}
	b.row(fmt.Sprintf("timbred at %d calls", calls),
		fmt.Sprintf("%.3f %% of a core per call, RSS %.0f MB", 100*cpu.Seconds()/relayTime.Seconds()/float64(calls), float64(u.RSS)/1e6),
		"≤ 0.1 % per call", fmt.Sprintf("nothing but sockets: %.3f %%", 100*bare))
	return nil
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
