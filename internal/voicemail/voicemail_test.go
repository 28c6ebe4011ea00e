package voicemail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/auth"
	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A line is a caller who says what the test wants, as fast as the test wants.
type line struct {
	digits  chan rune
	done    chan struct{}
	listens chan struct{} // closed when somebody listens
	beeps   func()        // called at the beep; nil: nothing is

	mu     sync.Mutex
	hear   func([]int16) // guarded by mu
	played []int         // guarded by mu; lengths in samples
}

func newLine() *line {
	return &line{digits: make(chan rune, 8), done: make(chan struct{}), listens: make(chan struct{})}
}

func (l *line) Play(_ context.Context, samples []int16, stop string) (rune, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.played = append(l.played, len(samples))
	if l.beeps != nil && lasting(len(samples)) == media.BeepTime {
		l.beeps()
	}
	return 0, nil
}

func (l *line) Listen(hear func([]int16)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hear = hear; hear != nil {
		close(l.listens)
	}
}

func (l *line) Digits() <-chan rune   { return l.digits }
func (l *line) Done() <-chan struct{} { return l.done }

// says speaks samples in frames of 20 ms, at once.
func (l *line) says(samples []int16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(samples) > 0 && l.hear != nil {
		n := min(len(samples), Rate/50)
		l.hear(samples[:n])
		samples = samples[n:]
	}
}

// hangs up.
func (l *line) hangsUp() { close(l.done) }

// speech is something that no detector takes for silence: a tone with pauses.
func speech(d time.Duration) []int16 {
	tone := media.Sine(1000, -12)
	tone.Cadence = []time.Duration{300 * time.Millisecond, 100 * time.Millisecond}
	return tone.Sound(Rate, d).Samples
}

// builtIn are the prompts without the system's, decoded once for all tests.
var builtIn = NewSounds("", "")

// An answering machine for the tests: a store in dir with the extension 102.
type machine struct {
	*Box
	store *store.Store
	to    office.Extension
}

// newMachine opens the data folder dir, and makes the extension if it is new.
func newMachine(t *testing.T, dir string) machine {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	to, err := s.Extension(t.Context(), "102")
	if errors.Is(err, office.ErrNotFound) {
		to, err = s.AddExtension(t.Context(), office.Extension{Number: "102", Name: "Luis"}, "no password")
	}
	if err != nil {
		t.Fatal(err)
	}
	gate := auth.New(auth.Config{Store: s, Log: log})
	return machine{New(Config{Store: s, Log: log, Sounds: builtIn, Gate: gate}), s, to}
}

// close ends the use of the folder.
func (m machine) close(t *testing.T) {
	t.Helper()
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// messages returns what is in the mailbox, with its sound.
func (m machine) messages(t *testing.T) (vs []office.Voicemail, sounds []media.Sound) {
	t.Helper()
	ctx := t.Context()
	ids, err := m.store.QueryVoicemails(ctx, m.to.Account, store.VoicemailFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if vs, err = m.store.Voicemails(ctx, m.to.Account, ids...); err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		f, _, err := m.store.OpenBlob(ctx, m.to.Account, v.BlobID)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		sound, err := media.DecodeMP3(data)
		if err != nil {
			t.Fatalf("the message is no MP3: %v", err)
		}
		sounds = append(sounds, sound)
	}
	return vs, sounds
}

func TestMessageOfTwoSecondsIsKept(t *testing.T) {
	for _, c := range []struct {
		said time.Duration
		kept bool
	}{
		{0, false},
		{1900 * time.Millisecond, false},
		{2 * time.Second, true},
		{5 * time.Second, true},
	} {
		t.Run(c.said.String(), func(t *testing.T) {
			m := newMachine(t, t.TempDir())
			defer m.close(t)
			l := newLine()
			go func() {
				<-l.listens
				l.says(speech(c.said))
				l.hangsUp()
			}()
			taken, err := m.Record(t.Context(), l, Message{To: m.to, From: office.Party{Number: "101", Name: "Ana"}, Call: "acall0000001"})
			if err != nil {
				t.Fatal(err)
			}
			if (taken != nil) != c.kept {
				t.Fatalf("taken %v", taken)
			}
			if !c.kept {
				if left, err := m.store.Recordings(t.Context()); err != nil || len(left) != 0 {
					t.Errorf("left behind %v, %v", left, err)
				}
				return
			}
			if _, err := m.Keep(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			vs, sounds := m.messages(t)
			if len(vs) != 1 || !vs[0].IsNew || vs[0].IsTruncated || vs[0].From.Name != "Ana" || time.Duration(vs[0].Duration).Round(time.Second) != c.said {
				t.Fatalf("messages %+v", vs)
			}
			if level := media.Level(sounds[0].Samples, sounds[0].Rate, 1000); level < -18 {
				t.Errorf("1 kHz is in the message at %.0f dB only", level)
			}
			if got := sounds[0].Duration(); got < c.said || got > c.said+200*time.Millisecond {
				t.Errorf("the message lasts %v", got)
			}
			if _, err := os.Stat(m.store.MasterPath(taken.recording.ID)); err != nil {
				t.Errorf("the master is gone: %v", err)
			}
		})
	}
}

func TestPromptAndBeepComeFirst(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	l := newLine()
	go func() {
		<-l.listens
		l.hangsUp()
	}()
	if taken, err := m.Record(t.Context(), l, Message{To: m.to}); taken != nil || err != nil {
		t.Fatal(taken, err)
	}
	intro, err := m.sounds.Prompt(Intro, m.to.Language)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.played) != 2 || l.played[0] != len(intro) || lasting(l.played[1]) != media.BeepTime {
		t.Errorf("played %v samples", l.played)
	}
}

// TestAllIsReadyAtTheBeep: what takes its time, the store or the disk, does so
// before; who hears the beep is recorded from its end.
func TestAllIsReadyAtTheBeep(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	l := newLine()
	l.beeps = func() {
		begun, err := m.store.Recordings(t.Context())
		if err != nil || len(begun) != 1 {
			t.Errorf("it beeps with %v, %v in the store", begun, err)
			return
		}
		if _, err := os.Stat(m.store.MasterPath(begun[0].ID)); err != nil {
			t.Errorf("it beeps without a file: %v", err)
		}
	}
	go func() {
		<-l.listens
		l.hangsUp()
	}()
	if taken, err := m.Record(t.Context(), l, Message{To: m.to}); taken != nil || err != nil {
		t.Fatal(taken, err)
	}
}

// TestWhoCannotBeRecordedIsTold breaks the folder of the recordings.
func TestWhoCannotBeRecordedIsTold(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, dir)
	defer m.close(t)
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "recordings")), os.WriteFile(filepath.Join(dir, "recordings"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	l := newLine()
	l.beeps = func() { t.Error("it beeps") }
	taken, err := m.Record(t.Context(), l, Message{To: m.to})
	if taken != nil || err == nil {
		t.Fatal(taken, err)
	}
	if sorry := m.prompt(DiskFull, m.to.Language); len(l.played) != 2 || l.played[1] != len(sorry) {
		t.Errorf("played %v samples", l.played)
	}
	if left, err := m.store.Recordings(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

func TestCallsEndTogetherWithTheirMessage(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	call := office.Call{ID: office.NewID(), Kind: office.Missed, Outcome: office.ToVoicemail, StartedAt: time.Now().UTC()}
	side := store.Side{Account: m.to.Account, Call: call}
	if err := m.store.BeginCalls(t.Context(), side); err != nil {
		t.Fatal(err)
	}
	l := newLine()
	go func() {
		<-l.listens
		l.says(speech(3 * time.Second))
		l.digits <- '#'
	}()
	taken, err := m.Record(t.Context(), l, Message{To: m.to, Call: call.ID})
	if err != nil || taken == nil {
		t.Fatal(taken, err)
	}
	if _, err := m.Keep(t.Context(), taken, side); err != nil {
		t.Fatal(err)
	}
	got, err := m.store.Calls(t.Context(), m.to.Account, call.ID)
	if err != nil || len(got) != 1 || got[0].Outcome != office.ToVoicemail {
		t.Errorf("calls %+v, %v", got, err)
	}
}

// TestCutMessageIsRecovered leaves the file as kill -9 would: its header open,
// half a sample at its end.
func TestCutMessageIsRecovered(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, dir)
	cut := store.Recording{ID: office.NewID(), Account: m.to.Account, From: office.Party{Number: "101"}, StartedAt: time.Now().UTC()}
	short, unwritten := cut, cut
	short.ID, unwritten.ID = office.NewID(), office.NewID()
	for r, d := range map[*store.Recording]time.Duration{&cut: 4 * time.Second, &short: time.Second, &unwritten: 0} {
		if err := m.store.BeginRecording(t.Context(), *r); err != nil {
			t.Fatal(err)
		}
		if d == 0 {
			continue
		}
		master, err := os.Create(m.store.MasterPath(r.ID))
		if err != nil {
			t.Fatal(err)
		}
		tape, err := newTape(master, office.MaxVoicemail)
		if err != nil {
			t.Fatal(err)
		}
		tape.hear(speech(d))
		if _, err := master.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		master.Close()
	}
	m.close(t)

	m = newMachine(t, dir)
	defer m.close(t)
	for range 2 { // again changes nothing
		if left, err := m.Recover(t.Context()); err != nil || len(left) != 0 {
			t.Fatal(left, err)
		}
	}
	vs, sounds := m.messages(t)
	if len(vs) != 1 || vs[0].ID != cut.ID || !vs[0].IsTruncated || time.Duration(vs[0].Duration) != 4*time.Second {
		t.Fatalf("messages %+v", vs)
	}
	if level := media.Level(sounds[0].Samples, sounds[0].Rate, 1000); level < -18 {
		t.Errorf("1 kHz is in the message at %.0f dB only", level)
	}
	if left, err := m.store.Recordings(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

// leaves has a caller leave a message of d, not yet in the mailbox.
func (m machine) leaves(t *testing.T, d time.Duration) *Taken {
	t.Helper()
	l := newLine()
	go func() {
		<-l.listens
		l.says(speech(d))
		l.hangsUp()
	}()
	taken, err := m.Record(t.Context(), l, Message{To: m.to, From: office.Party{Number: "101"}})
	if err != nil || taken == nil {
		t.Fatal(taken, err)
	}
	return taken
}

// fullDisk lets no message be written into the data folder dir until it is undone.
func fullDisk(t *testing.T, dir string) (undo func()) {
	t.Helper()
	blobs, aside := filepath.Join(dir, "blobs"), filepath.Join(dir, "aside")
	if err := errors.Join(os.Rename(blobs, aside), os.WriteFile(blobs, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(os.Remove(blobs), os.Rename(aside, blobs)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMessageIsKeptLate(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, dir)
	defer m.close(t)
	taken := m.leaves(t, 3*time.Second)
	undo := fullDisk(t, dir)
	if _, err := m.Keep(t.Context(), taken); err == nil {
		t.Fatal("kept on a full disk")
	}
	if err := m.KeepLate(t.Context(), taken); err == nil {
		t.Fatal("kept on a full disk")
	}
	undo()
	for range 2 { // as after a commit of which nothing was heard
		if err := m.KeepLate(t.Context(), taken); err != nil {
			t.Fatal(err)
		}
	}
	if vs, _ := m.messages(t); len(vs) != 1 || vs[0].IsTruncated || !vs[0].ReceivedAt.Equal(taken.ended.Truncate(time.Millisecond)) {
		t.Errorf("messages %+v", vs)
	}
}

func TestNothingIsLateForAnExtensionThatIsGone(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, dir)
	defer m.close(t)
	taken := m.leaves(t, 3*time.Second)
	if err := m.store.RemoveExtension(t.Context(), m.to.Number, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Keep(t.Context(), taken); err == nil {
		t.Fatal("kept for nobody")
	}
	if err := m.KeepLate(t.Context(), taken); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotRecoveredIsKeptLate(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, dir)
	m.leaves(t, 3*time.Second)
	m.close(t)
	m = newMachine(t, dir)
	defer m.close(t)
	undo := fullDisk(t, dir)
	left, err := m.Recover(t.Context())
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	undo()
	if err := m.KeepLate(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	if vs, _ := m.messages(t); len(vs) != 1 || !vs[0].IsTruncated {
		t.Errorf("messages %+v", vs)
	}
}

func TestRecordingEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		caller   func(l *line)
		at       time.Duration // on the clock
		duration time.Duration // of the recording
	}{
		{"#", func(l *line) { l.says(speech(3 * time.Second)); l.digits <- '#' }, 0, 3 * time.Second},
		{"another key does not end it", func(l *line) { l.digits <- '1'; l.says(speech(3 * time.Second)); l.hangsUp() }, 0, 3 * time.Second},
		{"silence is sent", func(l *line) {
			l.says(speech(3 * time.Second))
			for range 12 {
				time.Sleep(time.Second)
				l.says(make([]int16, Rate))
			}
		}, Silence, 3*time.Second + pause},
		{"nothing is sent", func(l *line) { l.says(speech(3 * time.Second)) }, Silence, 3 * time.Second},
		{"a pause is part of it", func(l *line) {
			l.says(speech(time.Second))
			l.says(make([]int16, 8*Rate))
			l.says(speech(time.Second))
			l.hangsUp()
		}, 0, 10 * time.Second},
		{"silence at its end is not", func(l *line) {
			l.says(speech(3 * time.Second))
			l.says(make([]int16, 5*Rate))
			l.hangsUp()
		}, 0, 3*time.Second + pause},
		{"silence at its beginning is", func(l *line) {
			l.says(make([]int16, 5*Rate))
			l.says(speech(3 * time.Second))
			l.digits <- '#'
		}, 0, 8 * time.Second},
		{"nobody speaks", func(l *line) {
			l.says(make([]int16, 5*Rate))
			l.hangsUp()
		}, 0, pause},
		{"as long as may be", func(l *line) { l.says(speech(5 * time.Minute)) }, 0, office.MaxVoicemail},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tape, err := newTape(&memory{}, office.MaxVoicemail)
				if err != nil {
					t.Fatal(err)
				}
				l := newLine()
				var caller sync.WaitGroup
				caller.Go(func() {
					<-l.listens
					c.caller(l)
				})
				start := time.Now()
				tape.run(t.Context(), l)
				after := time.Since(start)
				duration, err := tape.close()
				caller.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if after < c.at || after > c.at+2*time.Second {
					t.Errorf("ended after %v", after)
				}
				if diff := (duration - c.duration).Abs(); diff > 300*time.Millisecond {
					t.Errorf("the recording lasts %v", duration)
				}
			})
		})
	}
}

func TestStopOfTheServerKeepsWhatWasSaid(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	ctx, stop := context.WithCancel(t.Context())
	l := newLine()
	go func() {
		<-l.listens
		l.says(speech(3 * time.Second))
		stop()
	}()
	taken, err := m.Record(ctx, l, Message{To: m.to})
	if err != nil || taken == nil {
		t.Fatal(taken, err)
	}
	v, err := m.Keep(t.Context(), taken)
	if err != nil || !v.IsTruncated {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestSoundsAreFoundInOrder(t *testing.T) {
	own, system := t.TempDir(), t.TempDir()
	put := func(path string, samples int) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w, err := media.NewWAVWriter(f, Rate)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(make([]int16, samples)), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(system, "es_MX_f_Allison", "vm-intro.wav"), 100)
	put(filepath.Join(system, "en_US_f_Allison", "vm-intro.wav"), 200)
	put(filepath.Join(system, "en_US_f_Allison", "demo-echotest.wav"), 300)
	put(filepath.Join(own, "en", "vm-intro.wav"), 400)
	s := NewSounds(own, system)
	for _, c := range []struct {
		name     Prompt
		language office.Language
		samples  int // 0: the built-in one
	}{
		{Intro, office.Spanish, 100},
		{Intro, "", 100},
		{Intro, office.English, 400},
		{EchoTest, office.English, 0}, // the system's is far too long
		{EchoTest, office.Spanish, 0},
	} {
		got, err := s.Prompt(c.name, c.language)
		if err != nil || c.samples > 0 && len(got) != c.samples || c.samples == 0 && len(got) < Rate {
			t.Errorf("%s in %q: %d samples, %v", c.name, c.language, len(got), err)
		}
	}
	if _, err := s.Prompt("vm-nothing", office.Spanish); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a prompt that is nowhere: %v", err)
	}
	if err := os.WriteFile(filepath.Join(own, "en", "vm-intro.wav"), bytes.Repeat([]byte("x"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := NewSounds(own, system).Prompt(Intro, office.English); err != nil || len(got) != 200 {
		t.Errorf("a broken file hides the next one: %d samples, %v", len(got), err)
	}
}
