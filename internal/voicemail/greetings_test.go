package voicemail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// TestGreetingsByPhone goes through the menu 0 and looks at what callers hear
// afterwards.
func TestGreetingsByPhone(t *testing.T) {
	const in = "2580#0"
	for _, c := range []struct {
		name, keys string // letters speak, see keypad
		heard      string // without the choices
		kind       office.GreetingKind
		seconds    int // of the greeting
	}{
		{"record", in + "1#,d#1,**", "beep greeting-saved vm-goodbye", office.GreetingOwn, 3},
		{"say nothing more", in + "1#,d,,,1,**", "beep greeting-saved vm-goodbye", office.GreetingOwn, 3},
		{"hear before saving", in + "1#,d#2,1,**", "beep 3s greeting-saved vm-goodbye", office.GreetingOwn, 3},
		{"once more", in + "1#,d#3#,f#1,**", "beep beep greeting-saved vm-goodbye", office.GreetingOwn, 5},
		{"too short", in + "1#,#,#,d#1,**", "beep vm-tooshort beep greeting-saved vm-goodbye", office.GreetingOwn, 3},
		{"cancel", in + "1#,d#***", "beep vm-goodbye", office.GreetingDefault, 0},
		{"hang up before saving", in + "1#,d!", "beep", office.GreetingDefault, 0},
		{"hear the one of now", in + "2,,**", "vm-intro vm-goodbye", office.GreetingDefault, 0},
		{"back to the default", in + "1#,d#1,3,**", "beep greeting-saved greeting-default vm-goodbye", office.GreetingDefault, 0},
		{"temporary, no end", in + "4#,d#1#,**", "beep greeting-saved vm-goodbye", office.GreetingTemporary, 3},
		{"temporary, two days", in + "4#,d#12#,**", "beep greeting-saved vm-goodbye", office.GreetingTemporary, 3},
		{"temporary, too many days", in + "4#,d#1999#7#,**", "beep vm-sorry greeting-saved vm-goodbye", office.GreetingTemporary, 3},
		{"keys that mean nothing", in + "9,*,*", "vm-sorry vm-goodbye", office.GreetingDefault, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, t.TempDir())
				defer m.close(t)
				withPIN(t, m)
				k := newKeypad(m.sounds)
				go k.press(c.keys)
				if _, err := m.Menu(t.Context(), k, Caller{Account: m.to.Account}); err != nil {
					t.Fatal(err)
				}
				var heard []string
				for _, name := range k.heard {
					switch Prompt(name) {
					case menuOptions, greetingMenu, greetingReview, greetingRecord, greetingDays:
					default:
						heard = append(heard, name)
					}
				}
				if got := strings.Join(heard, " "); got != c.heard {
					t.Errorf("heard %s, want %s", got, c.heard)
				}
				g, err := m.store.Greeting(t.Context(), m.to.Account, time.Now())
				if err != nil || g.Kind != c.kind {
					t.Fatalf("%+v, %v", g, err)
				}
				if c.seconds > 0 {
					got := lasting(len(m.greeting(t.Context(), m.to)))
					if diff := (got - time.Duration(c.seconds)*time.Second).Abs(); diff > 300*time.Millisecond {
						t.Errorf("the greeting lasts %v", got)
					}
				}
				if strings.Contains(c.name, "two days") { // today and tomorrow, in Mexico
					mexico := office.Company{Region: office.DefaultRegion}.Location()
					if g.Until == nil || !g.Until.Equal(day(time.Now().In(mexico)).AddDate(0, 0, 2)) {
						t.Errorf("until %v", g.Until)
					}
				}
			})
		})
	}
}

// wavFile returns a WAV file.
func wavFile(t *testing.T, rate int, d time.Duration) []byte {
	t.Helper()
	var m memory
	w, err := media.NewWAVWriter(&m, rate)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(media.Sine(1000, -12).Sound(rate, d).Samples), w.Close()); err != nil {
		t.Fatal(err)
	}
	return m.data
}

func TestReadGreeting(t *testing.T) {
	var mp3 bytes.Buffer
	if _, err := media.WAVToMP3(&mp3, bytes.NewReader(wavFile(t, 16000, 2*time.Second))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		long time.Duration // 0: refused
	}{
		{"WAV", wavFile(t, 44100, 2*time.Second), 2 * time.Second},
		{"WAV of the telephone", wavFile(t, 8000, 2*time.Second), 2 * time.Second},
		{"as long as may be", wavFile(t, 8000, office.MaxGreeting), office.MaxGreeting},
		{"MP3", mp3.Bytes(), 2 * time.Second},
		{"too long", wavFile(t, 8000, office.MaxGreeting+time.Second), 0},
		{"too large", append(wavFile(t, 8000, 2*time.Second), make([]byte, office.MaxGreetingBytes)...), 0},
		{"silent", wavFile(t, 8000, 0), 0},
		{"empty", nil, 0},
		{"text", []byte(strings.Repeat("Buenos días. ", 100)), 0},
		{"a WAV that says MP3", append([]byte("ID3\x03\x00\x00\x7f\x7f\x7f\x7f"), wavFile(t, 8000, time.Second)...), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			wav, d, err := readGreeting(bytes.NewReader(c.file))
			if c.long == 0 {
				if !errors.Is(err, office.ErrGreeting) {
					t.Errorf("%d bytes, %v, %v", len(wav), d, err)
				}
				return
			}
			if err != nil || (d-c.long).Abs() > 200*time.Millisecond {
				t.Fatal(d, err)
			}
			sound, err := media.ReadWAV(bytes.NewReader(wav))
			if err != nil || sound.Rate != Rate || (sound.Duration()-d).Abs() > time.Millisecond {
				t.Fatalf("%d Hz for %v, %v", sound.Rate, sound.Duration(), err)
			}
			if level := media.Level(sound.Samples[Rate/2:Rate*3/2], Rate, 1000); level < -13 || level > -11 {
				t.Errorf("1 kHz at %.1f dBFS", level)
			}
		})
	}
	if _, _, err := readGreeting(broken{}); err == nil || errors.Is(err, office.ErrGreeting) {
		t.Errorf("an upload that breaks off is no fault of the file: %v", err)
	}
}

// broken is a reader that fails.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestGreetingsAreConvertedInTurn(t *testing.T) {
	g := NewGreetings()
	sound, mediaType, err := g.Convert(t.Context(), bytes.NewReader(wavFile(t, 8000, time.Second)))
	if err != nil || mediaType != GreetingType || len(sound) == 0 {
		t.Errorf("%d bytes of %s, %v", len(sound), mediaType, err)
	}
	long := wavFile(t, 8000, office.MaxGreeting+time.Second)
	for range 2 { // the second time nobody looks
		if _, _, err := g.Convert(t.Context(), bytes.NewReader(long)); !errors.Is(err, office.ErrGreeting) || len(g.refused) != 1 {
			t.Errorf("%v, %d are remembered", err, len(g.refused))
		}
	}
	g.turn <- struct{}{} // somebody else's
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := g.Convert(ctx, bytes.NewReader(nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzReadGreeting(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt "))
	f.Add([]byte("ID3\x03\x00\x00\x00\x00\x00\x00\xff\xf3\x18\xc4"))
	f.Fuzz(func(t *testing.T, file []byte) {
		wav, d, err := readGreeting(bytes.NewReader(file))
		if err != nil {
			return
		}
		if d <= 0 || d > office.MaxGreeting {
			t.Errorf("%v", d)
		}
		if _, err := media.ReadWAV(bytes.NewReader(wav)); err != nil {
			t.Error(err)
		}
	})
}

func TestCallersHearTheGreeting(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	own, err := encodeWAV(make([]int16, Rate))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.store.SetGreeting(t.Context(), m.to.Account, office.GreetingOwn, own, GreetingType, nil); err != nil {
		t.Fatal(err)
	}
	l := newLine()
	l.hangsUp()
	if _, err := m.Record(t.Context(), l, Message{To: m.to}); err != nil {
		t.Fatal(err)
	}
	if len(l.played) != 1 && len(l.played) != 2 || l.played[0] != Rate {
		t.Errorf("played %v samples", l.played)
	}
	// A greeting that is lost does not lose the message.
	g, err := m.store.Greeting(t.Context(), m.to.Account, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := m.store.OpenBlob(t.Context(), m.to.Account, g.BlobID)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if got := m.greeting(t.Context(), m.to); len(got) != len(m.prompt(Intro, m.to.Language)) {
		t.Errorf("%d samples instead of the greeting that is gone", len(got))
	}
}

// readGreeting reads a file as an upload and turns it into a greeting.
func readGreeting(r io.Reader) (wav []byte, d time.Duration, err error) {
	data, err := upload(r)
	if err != nil {
		return nil, 0, err
	}
	return greetingOf(data)
}
