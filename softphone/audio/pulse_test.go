package audio

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/media"
)

// startPulse starts a PulseAudio of our own with two silent sinks, "one" at 48
// kHz, the default, and "two" at 44.1 kHz, and points this process at it.
func startPulse(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "native")
	script := filepath.Join(dir, "test.pa")
	err := os.WriteFile(script, []byte(strings.Join([]string{
		"load-module module-native-protocol-unix auth-anonymous=1 socket=" + socket,
		"load-module module-null-sink sink_name=one rate=48000 sink_properties=device.description=One",
		"load-module module-null-sink sink_name=two rate=44100 sink_properties=device.description=Two",
		"set-default-sink one",
		"set-default-source one.monitor",
	}, "\n")+"\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH"} {
		t.Setenv(name, dir)
	}
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	cmd := exec.Command("pulseaudio", "-n", "-F", script, "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("pulseaudio (run make deps): %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	// Commands of a script run in order: with the sinks everything is there.
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.After(patience); ; {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("pulseaudio did not start: %s", log.Bytes())
		}
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			if out, err := exec.Command("pactl", "get-default-source").Output(); err == nil && strings.TrimSpace(string(out)) == "one.monitor" {
				return
			}
		}
	}
}

// pulseID returns the Device.ID of a PulseAudio sink or source.
func pulseID(name string) string { return hex.EncodeToString([]byte(name)) }

func TestToneGoesThroughPulseAudio(t *testing.T) {
	startPulse(t)
	play := media.Sine(1000, -12)
	for _, c := range []struct {
		name     string
		settings Settings
		rate     int
		min, max float64 // of the tone
	}{
		{"default devices", DefaultSettings(), 8000, -13, -11},
		{"a 44.1 kHz device", choosing([]string{pulseID("two.monitor")}, []string{pulseID("two")}), 16000, -13, -11},
		{"two different ones", choosing([]string{pulseID("two.monitor")}, []string{pulseID("one")}), 8000, -120, -90},
	} {
		var troubles []error
		s := media.Stream{
			Rate: c.rate, Source: play.Generator(c.rate).Read,
			Trouble: func(err error) { troubles = append(troubles, err) },
		}
		d := &Devices{}
		d.Set(c.settings)
		heard := take(t, d, s, 3*time.Second)
		if got := clearest(heard, c.rate, 1000); got < c.min || got > c.max {
			t.Errorf("%s: the tone came back with %.1f dBFS", c.name, got)
		}
		if len(troubles) != 0 {
			t.Errorf("%s: %v", c.name, troubles)
		}
	}
}

// clearest returns the level of a tone in the best twentieth of all stretches of
// 20 ms, so that what a busy machine cuts out does not count: a cut can only
// lower the level.
func clearest(heard []int16, rate int, hz float64) float64 {
	var levels []float64
	for stretch := range slices.Chunk(heard, rate/50) {
		levels = append(levels, media.Level(stretch, rate, hz))
	}
	slices.Sort(levels)
	return levels[len(levels)*19/20]
}

func TestListHidesMonitors(t *testing.T) {
	startPulse(t)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	devices, err := List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []Device{
		{ID: pulseID("one"), Name: "One", Default: true},
		{ID: pulseID("two"), Name: "Two"},
	}
	if len(devices) != 2 || devices[0] != want[0] || devices[1] != want[1] {
		t.Errorf("%+v", devices)
	}
}

// TestPulledOutSinkIsReplacedAndTakenBack pulls a real sink out in the middle of a
// call and plugs it in again, and listens to what the default one plays: so often
// that a thread that is left behind each time shows.
func TestPulledOutSinkIsReplacedAndTakenBack(t *testing.T) {
	startPulse(t)
	ctx, stop := context.WithTimeout(t.Context(), 4*patience)
	defer stop()
	d := &Devices{}
	d.Set(choosing([]string{pulseID("one.monitor")}, []string{"Two"}))
	e := &ear{rate: 8000}
	s := media.Stream{
		Rate: e.rate, Source: media.Sine(1000, -12).Generator(8000).Read, Sink: e.hear,
		Trouble: func(err error) { t.Log("told:", err) },
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, s) }()
	threads := 0
	for round := range 4 {
		e.until(ctx, t, "on the chosen sink", false)
		pull(t, "two")
		e.until(ctx, t, "on the default sink", true)
		pactl(t, "load-module", "module-null-sink", "sink_name=two", "rate=44100", "sink_properties=device.description=Two")
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			threads = len(tasks)
		} else if len(tasks) > threads+2 {
			t.Errorf("%d threads, after the first time %d", len(tasks), threads)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An ear tells whether a tone of 1 kHz is heard now.
type ear struct {
	rate  int
	last  []int16 // of one goroutine
	hears atomic.Bool
}

func (e *ear) hear(frame []int16) {
	if e.last = append(e.last, frame...); len(e.last) >= e.rate/10 {
		e.hears.Store(media.Level(e.last, e.rate, 1000) > -20)
		e.last = e.last[:0]
	}
}

// until waits until the tone is heard, or is not, and says how long that took.
func (e *ear) until(ctx context.Context, t *testing.T, what string, want bool) {
	t.Helper()
	begun := time.Now()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for steady := 0; steady < 30; { // for as long as it takes to hear it a few times
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("%s: heard on the default one %v", what, !want)
		}
		if steady++; e.hears.Load() != want {
			steady = 0
		}
	}
	t.Logf("%s after %v", what, time.Since(begun)-300*time.Millisecond)
}

// pull unloads the sink of that name.
func pull(t *testing.T, name string) {
	t.Helper()
	for line := range strings.Lines(pactl(t, "list", "short", "modules")) {
		if strings.Contains(line, "sink_name="+name) {
			pactl(t, "unload-module", strings.Fields(line)[0])
		}
	}
}

func pactl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("pactl", args...).Output()
	if err != nil {
		t.Fatalf("pactl %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}
