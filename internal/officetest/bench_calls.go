package officetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
)

// How long things are measured: the relay at its full load, and all else.
const (
	relayTime = 60 * time.Second
	shortTime = 10 * time.Second
)

// A line is two stations whose accounts are registered: from calls, to answers.
type line struct {
	*bench
	from, to *station
	server   string
	secure   bool
	stop     func() error
}

// line registers the answerers.
func (b *bench) line(ctx context.Context, secure bool, from, to []sdp.Codec) (l *line, err error) {
	l = &line{bench: b, server: b.Ready.SIP, secure: secure}
	if secure {
		l.server = b.Ready.SIPS
	}
	var stops []func() error
	l.stop = func() (err error) {
		for i := len(stops) - 1; i >= 0; i-- {
			err = errors.Join(err, stops[i]())
		}
		return err
	}
	for _, s := range []struct {
		station **station
		codecs  []sdp.Codec
	}{{&l.from, from}, {&l.to, to}} {
		var stop func() error
		if *s.station, stop, err = newStation(b.Ready.Fingerprint, s.codecs...); err != nil {
			return nil, errors.Join(err, l.stop())
		}
		stops = append(stops, stop)
	}
	for _, a := range b.answerers {
		unregister, err := l.to.register(ctx, l.server, secure, a)
		if err != nil {
			return nil, errors.Join(err, l.stop())
		}
		stops = append(stops, func() error { unregister(); return nil })
	}
	return l, nil
}

// calls sets up n calls through the office.
func (l *line) calls(ctx context.Context, n int) (talks []talk, err error) {
	for i := range n {
		row := l.callers[i%benchLines]
		auth := credentials(row.Account)
		t, err := l.from.call(ctx, "sip:"+string(row.Number)+"@"+row.Account.Domain, l.server, l.secure, &auth, l.to)
		if err != nil {
			return nil, err
		}
		talks = append(talks, t)
	}
	return talks, nil
}

// relay measures how much longer the way of packets through the office is than
// without it, and what it costs, while many calls go on.
func (b *bench) relay(ctx context.Context) error {
	for _, secure := range []bool{false, true} {
		l, err := b.line(ctx, secure, nil, nil)
		if err != nil {
			return err
		}
		err = l.relay(ctx, 1, shortTime)
		if err == nil {
			err = l.relay(ctx, 200, relayTime)
		}
		if err = errors.Join(err, l.stop()); err != nil {
			return fmt.Errorf("relay: %w", err)
		}
	}
	bare, delays, err := bareCost(ctx, b.opt.Bare, 200)
	if err != nil {
		return err
	}
	b.row("nothing but sockets at 200 calls", fmt.Sprintf("%.3f %% of a core per call (it %.0f %%, we %.0f %%), p50 %.2f ms, p99 %.2f ms",
		bare.share(bare.server)/200, bare.share(bare.server), bare.share(bare.us), ms(delays.Percentile(50)), ms(delays.Percentile(99))),
		"", "a goroutine for each socket")
	return nil
}

// What Asterisk 22 took on a machine like ours, without digest. Debian 12
// and 13 do not have it, so that it is not run beside.
const (
	asteriskRelay = "Asterisk 22, measured before: 0.16 %, 127 MB"
	asteriskSetUp = "Asterisk 22, measured before: 3.6–4.2 ms, 680 MB"
)

// ms is d in milliseconds.
func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// relay measures while that many calls go on, beside one call that does not pass
// through the office.
func (l *line) relay(ctx context.Context, calls int, long time.Duration) error {
	talks, err := l.calls(ctx, calls)
	if err != nil {
		return err
	}
	alone, err := l.from.call(ctx, "sip:bench@localhost", l.to.addr.String(), false, nil, l.to)
	if err != nil {
		return err
	}
	var through, direct measured
	cost, err := l.spent(func() error {
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { through, errs[0] = measure(ctx, talks, long) })
		wg.Go(func() { direct, errs[1] = measure(ctx, []talk{alone}, long) })
		wg.Wait()
		return errors.Join(errs[:]...)
	})
	if err = errors.Join(err, hangUp(ctx, append(talks, alone))); err != nil {
		return err
	}
	what, most, peer := fmt.Sprintf("%d calls, RTP", calls), "≤ 0.08 %, RSS ≤ 60 MB", asteriskRelay
	if l.secure {
		what, most, peer = fmt.Sprintf("%d calls, SRTP", calls), "", ""
	}
	l.row("relay of "+what, fmt.Sprintf("added p50 %.2f ms, p99 %.2f ms; %.3f %% lost",
		ms(through.delays.Percentile(50)-direct.delays.Percentile(50)), ms(through.delays.Percentile(99)-direct.delays.Percentile(99)), through.lost()),
		"p50 ≤ 0.2 ms, p99 ≤ 2 ms, ≤ 0.1 % lost",
		fmt.Sprintf("without relay: p50 %.2f ms, p99 %.2f ms", ms(direct.delays.Percentile(50)), ms(direct.delays.Percentile(99))))
	if calls > 1 { // one alone is too little to be measured well
		l.row("timbred at "+what, cost.perCall(calls), most, peer)
	}
	return nil
}

// transcoding measures what calls between different codecs cost.
func (b *bench) transcoding(ctx context.Context) error {
	const calls = 20
	for _, codec := range []sdp.Codec{sdp.PCMU, sdp.G722, sdp.Opus} {
		l, err := b.line(ctx, false, []sdp.Codec{codec}, []sdp.Codec{sdp.PCMU})
		if err != nil {
			return err
		}
		var cost spending
		talks, err := l.calls(ctx, calls)
		if err == nil {
			cost, err = b.spent(func() error { return speak(ctx, talks, shortTime) })
			err = errors.Join(err, hangUp(ctx, talks))
		}
		if err = errors.Join(err, l.stop()); err != nil {
			return fmt.Errorf("transcoding %s: %w", codec.Name, err)
		}
		b.row(fmt.Sprintf("%d calls between %s and PCMU", calls, codec.Name), cost.perCall(calls), "", "")
	}
	return nil
}

// voicemails lets many callers leave a message at the same time, and looks for
// holes in what was recorded.
func (b *bench) voicemails(ctx context.Context) (err error) {
	const calls = 50
	const long = 25 * time.Second // with the greeting, which nobody waits for
	from, stop, err := newStation("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var talks []talk
	for _, row := range b.callers[:calls] {
		auth := credentials(row.Account)
		t, err := from.call(ctx, "sip:vm-"+string(row.Number)+"@"+row.Account.Domain, b.Ready.SIP, false, &auth, nil)
		if err != nil {
			return err
		}
		talks = append(talks, t)
	}
	cost, err := b.spent(func() error { return speak(ctx, talks, long) })
	if err = errors.Join(err, hangUp(ctx, talks)); err != nil {
		return err
	}
	sounds, err := b.recorded(ctx, calls)
	if err != nil {
		return err
	}
	frames, holes := 0, 0
	for _, s := range sounds {
		f, h := holesIn(s)
		frames, holes = frames+f, holes+h
	}
	b.row(fmt.Sprintf("%d voicemails recorded at once", calls), fmt.Sprintf("%d of %d frames lost; %s", holes, frames, cost.perCall(calls)), "none lost", "")
	return nil
}

// recorded waits until the office keeps n messages and returns their sound.
func (b *bench) recorded(ctx context.Context, n int) (sounds []media.Sound, err error) {
	for deadline := time.Now().Add(time.Minute); ; {
		var files []string
		err := filepath.WalkDir(filepath.Join(b.Data, "blobs"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case len(files) >= n:
			return decoded(files)
		case time.Now().After(deadline):
			return nil, fmt.Errorf("%d of %d messages are kept", len(files), n)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// decoded reads MP3 files.
func decoded(files []string) (sounds []media.Sound, err error) {
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s, err := media.DecodeMP3(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		sounds = append(sounds, s)
	}
	return sounds, nil
}

// holesIn returns how many packets of a tone are in s, without its ends, and
// in how many of them the tone is missing.
func holesIn(s media.Sound) (frames, holes int) {
	const edge = 25 // frames
	each := s.Rate / 50
	for at := edge * each; at+(edge+1)*each <= len(s.Samples); at += each {
		frames++
		if media.Level(s.Samples[at:][:each], s.Rate, 400) < toneLevel-6 {
			holes++
		}
	}
	return frames, holes
}
