package officetest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// Clicks are short bursts, so far apart that none is taken for the one before.
const (
	clickRate   = 16000
	clickHz     = 1000
	clickFrames = 2    // of 10 ms
	clickLevel  = -6   // dBFS
	clickHeard  = 3000 // amplitude from which on it counts as heard: far above what lines make up
	clickEvery  = 400 * time.Millisecond
	clickBlur   = 97 * time.Millisecond // by which they come later, more or less, so as to meet packets anywhere
	clickLost   = 350 * time.Millisecond
)

// A mouthToEar says clicks on one device, hears them on another, and knows how
// long they were on their way. It is safe for concurrent use.
type mouthToEar struct {
	mu     sync.Mutex
	burst  *media.Generator
	said   []time.Time // guarded by mu, like all below
	left   int         // frames of the click that is being said
	next   time.Time   // when the next is due
	heard  []time.Time
	warmed time.Time // clicks before do not count
}

func newMouthToEar(warmUp time.Duration) *mouthToEar {
	return &mouthToEar{burst: media.Sine(clickHz, clickLevel).Generator(clickRate), warmed: time.Now().Add(warmUp)}
}

// say fills frame, which is wanted at now, with a click or silence.
func (m *mouthToEar) say(now time.Time, frame []int16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 && now.After(m.next) {
		m.left = clickFrames
		m.said = append(m.said, now)
		m.next = now.Add(clickEvery + time.Duration(len(m.said)*37%97)*clickBlur/97)
	}
	if m.left == 0 {
		clear(frame)
		return
	}
	m.left--
	m.burst.Read(frame)
}

// hear takes a frame that ended now.
func (m *mouthToEar) hear(now time.Time, frame []int16) {
	i := slices.IndexFunc(frame, func(s int16) bool { return s > clickHeard || s < -clickHeard })
	if i < 0 {
		return
	}
	at := now.Add(-time.Duration(len(frame)-i) * time.Second / clickRate)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.heard); n == 0 || at.Sub(m.heard[n-1]) > clickEvery/2 {
		m.heard = append(m.heard, at)
	}
}

// delays returns how long the clicks took that arrived, in order of length, and how
// many did not.
func (m *mouthToEar) delays() (all []time.Duration, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, said := range m.said {
		if said.Before(m.warmed) || time.Since(said) < clickLost {
			continue
		}
		i := slices.IndexFunc(m.heard, func(t time.Time) bool { return t.After(said) })
		if i < 0 || m.heard[i].Sub(said) > clickLost {
			lost++
			continue
		}
		all = append(all, m.heard[i].Sub(said))
	}
	slices.Sort(all)
	return all, lost
}

// A sinkRig is a PulseAudio of its own whose sinks are silent: what is played on
// one can be heard on its monitor. Between these two is what the sound server and
// the measuring itself take.
type sinkRig struct{ server *Process }

// The sinks of a sinkRig: what is said into the first phone, what the second plays,
// and what neither cares for.
var rigSinks = []string{"mouth", "ear", "rest", "quiet"}

// startSinks starts a rig. This process, and all that it starts, has its sound there
// from then on.
func startSinks(ctx context.Context, dir string) (*sinkRig, error) {
	if err := Have("pulseaudio", "pulseaudio"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(dir, "pulse-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "native")
	script := "load-module module-native-protocol-unix auth-anonymous=1 socket=" + socket + "\n"
	alsa := "</usr/share/alsa/alsa.conf>\n" // for phones that know no PulseAudio
	for _, s := range rigSinks {
		script += "load-module module-null-sink rate=48000 sink_name=" + s + "\n"
		alsa += fmt.Sprintf("pcm.%s { type pulse device %q }\npcm.%s-monitor { type pulse device %q }\n", s, s, s, s+".monitor")
	}
	for name, text := range map[string]string{"rig.pa": script, "alsa.conf": alsa} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	r := &sinkRig{}
	r.server, err = startProcess(ctx, "env", "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "PULSE_RUNTIME_PATH="+dir, "PULSE_STATE_PATH="+dir,
		"pulseaudio", "-n", "-F", filepath.Join(dir, "rig.pa"), "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes")
	if err != nil {
		return nil, err
	}
	os.Setenv("PULSE_SERVER", "unix:"+socket)
	os.Setenv("ALSA_CONFIG_PATH", filepath.Join(dir, "alsa.conf"))
	return r, r.ready(ctx)
}

// ready waits until all sinks are there.
func (r *sinkRig) ready(ctx context.Context) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for limit := time.After(10 * time.Second); ; {
		if out, err := run(ctx, "", "pactl", "list", "short", "sinks"); err == nil && strings.Contains(string(out), rigSinks[len(rigSinks)-1]) {
			return nil
		}
		select {
		case <-poll.C:
		case <-limit:
			return fmt.Errorf("pulseaudio did not start: %s", r.server.Output())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends the rig.
func (r *sinkRig) Close() error {
	os.Unsetenv("PULSE_SERVER")
	os.Unsetenv("ALSA_CONFIG_PATH")
	return r.server.Stop()
}

// pulseID returns how package audio names a sink or source of PulseAudio.
func pulseID(name string) string { return hex.EncodeToString([]byte(name)) }

// measure says n clicks into the sink "mouth", and returns how long those took, in
// order, that were heard on the monitor of another. It is an error where fewer than
// half were: a busy machine drops some.
func (r *sinkRig) measure(ctx context.Context, n int, ear string) ([]time.Duration, error) {
	const warmUp = 5 * time.Second // a sink that was silent sleeps for two; a call settles
	ctx, stop := context.WithTimeout(ctx, warmUp+time.Duration(n+5)*(clickEvery+clickBlur))
	defer stop()
	sound, err := audio.Parse("device:" + pulseID(ear+".monitor") + "," + pulseID("mouth"))
	if err != nil {
		return nil, err
	}
	m := newMouthToEar(warmUp)
	err = sound.Run(ctx, media.Stream{
		Rate:   clickRate,
		Source: func(frame []int16) { m.say(time.Now(), frame) },
		Sink: func(frame []int16) {
			m.hear(time.Now(), frame)
			if all, _ := m.delays(); len(all) >= n {
				stop()
			}
		},
	})
	all, lost := m.delays()
	if err == nil && len(all) < n/2 {
		err = fmt.Errorf("of %d clicks only %d were heard", len(all)+lost, len(all))
	}
	return all, err
}

// spread says how long clicks took.
func spread(delays []time.Duration) string {
	at := func(part int) float64 { return delays[(len(delays)-1)*part/100].Seconds() * 1000 }
	return fmt.Sprintf("median %.0f ms, p95 %.0f", at(50), at(95))
}

// mouthClicks is how many clicks make a figure.
const mouthClicks = 100

// mouth measures from the mouth to the ear, through two phones and the server.
func (b *bench) mouth(ctx context.Context) (err error) {
	rig, err := startSinks(ctx, b.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rig.Close()) }()
	alone, err := rig.measure(ctx, mouthClicks, "mouth")
	if err != nil {
		return fmt.Errorf("the rig alone: %w", err)
	}
	codec, ours, err := b.mouthOfOurs(ctx, rig)
	if err != nil {
		return fmt.Errorf("timbre: %w", err)
	}
	target, theirCodec := "median ≤ 100 ms, p95 ≤ 130", "PCMU/8000/1"
	if strings.EqualFold(codec, "opus") {
		target, theirCodec = "median ≤ 110 ms, p95 ≤ 140", "opus/48000/2"
	}
	peer, err := b.mouthOfBaresip(ctx, rig, theirCodec)
	if err != nil {
		return fmt.Errorf("baresip: %w", err)
	}
	b.row("mouth to ear through the server, "+codec, spread(ours), target, fmt.Sprintf("baresip tuned: %s; the rig alone: %s", spread(peer), spread(alone)))
	return nil
}

// mouthOfOurs measures a call between two of our phones, and returns its codec.
func (b *bench) mouthOfOurs(ctx context.Context, rig *sinkRig) (codec string, all []time.Duration, err error) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	device := func(source, sink string) string { return "device:" + pulseID(source+".monitor") + "," + pulseID(sink) }
	start := func(n office.Number, sound string, args ...string) (*Process, error) {
		c, err := b.Client(ctx, n)
		if err != nil {
			return nil, err
		}
		return c.Start(ctx, append(args, "--audio", sound)...)
	}
	listens, err := start("102", device("quiet", "ear"), "phone", "--auto-answer")
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, listens.Stop()) }()
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, _, err := listens.Report(limit, 0, isRegistered); err != nil {
		return "", nil, err
	}
	speaks, err := start("101", device("mouth", "rest"), "call", "102")
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, speaks.Stop()) }()
	r, _, err := speaks.Report(limit, 0, func(r softphone.Report) bool { return r.State == string(softphone.Active) })
	if err != nil {
		return "", nil, err
	}
	all, err = rig.measure(ctx, mouthClicks, "ear")
	return r.Codec, all, err
}

// mouthOfBaresip measures a call between two baresips.
func (b *bench) mouthOfBaresip(ctx context.Context, rig *sinkRig, codec string) (all []time.Duration, err error) {
	start := func(n office.Number, source, sink string) (*Baresip, error) {
		a, err := b.AddDevice(ctx, n, "baresip")
		if err != nil {
			return nil, err
		}
		return b.Baresip(ctx, BaresipOptions{
			Account: a, Server: b.Ready.SIP, Answer: true, Codecs: codec,
			Microphone: "alsa," + source + "-monitor", Speaker: "alsa," + sink,
		})
	}
	listens, err := start("102", "quiet", "ear")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, listens.Stop()) }()
	speaks, err := start("101", "mouth", "rest")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, speaks.Stop()) }()
	if err := speaks.Dial("102"); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := speaks.Await(limit, "CALL_ESTABLISHED"); err != nil {
		return nil, err
	}
	return rig.measure(ctx, mouthClicks, "ear")
}
