package audio

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/media"
)

// testRate is that of most devices and streams here: less work for the machine.
const testRate = 8000

// A place is a device of a rig together with what went through it lately.
type place struct {
	RigDevice
	heard atomic.Int64 // samples that were not silent
}

// loudspeaker returns a device that counts what is heard of it.
func loudspeaker(name string) *place {
	p := &place{RigDevice: RigDevice{Name: name, Rate: testRate}}
	p.Plays = func(samples []int16) {
		n := 0
		for _, s := range samples {
			if s != 0 {
				n++
			}
		}
		p.heard.Add(int64(n))
	}
	return p
}

// talking returns a microphone that hears a tone.
func talking(name string, hz float64) *RigDevice {
	return &RigDevice{Name: name, Rate: testRate, Capture: true, Hears: media.Sine(hz, -12).Generator(testRate).Read}
}

// A session is a stream on some devices.
type session struct {
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	troubles []error
	pulled   int
	heard    []int16
}

// listen runs a stream that plays a tone and keeps what it hears.
func listen(t *testing.T, d System) *session {
	s := &session{done: make(chan struct{})}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	tone := media.Sine(1000, -12).Generator(testRate)
	go func() {
		defer close(s.done)
		err := d.Run(ctx, media.Stream{
			Rate: testRate,
			Source: func(frame []int16) {
				tone.Read(frame)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.pulled++
			},
			Sink: func(frame []int16) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.heard = append(s.heard, frame...)
			},
			Trouble: func(err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.troubles = append(s.troubles, err)
			},
		})
		if err != nil {
			t.Error(err)
		}
	}()
	return s
}

// end ends the stream and the rig.
func (s *session) end(r *Rig) {
	s.stop()
	<-s.done
	r.Close()
}

// forget forgets what was so far.
func (s *session) forget(places ...*place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles, s.pulled, s.heard = nil, 0, nil
	for _, p := range places {
		p.heard.Store(0)
	}
}

// said returns the troubles that were told.
func (s *session) said() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.troubles)
}

// In a bubble time stands still while anything goes on: after a wait all that
// happens in it has happened.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPulledOutSpeakerIsHeardOnTheNext(t *testing.T) {
	for _, stuck := range []bool{false, true} { // whether closing it hangs
		synctest.Test(t, func(t *testing.T) {
			headset, desk, tv := loudspeaker("headset"), loudspeaker("desk"), loudspeaker("tv")
			headset.Stuck = stuck
			r := NewRig(&tv.RigDevice, &desk.RigDevice, &headset.RigDevice)
			s := listen(t, r.Devices(choosing(nil, []string{"headset", "desk"})))
			for _, settled := range []time.Duration{time.Second, 12 * time.Second} {
				wait(settled)
				if headset.heard.Load() == 0 || desk.heard.Load()+tv.heard.Load() != 0 {
					t.Fatalf("heard: %d, %d, %d", headset.heard.Load(), desk.heard.Load(), tv.heard.Load())
				}
				r.Unplug(&headset.RigDevice)
				wait(2 * time.Second)
				s.forget(headset, desk, tv)
				wait(time.Second)
				if desk.heard.Load() < 5_500 || headset.heard.Load()+tv.heard.Load() != 0 {
					t.Errorf("after it was pulled out: %d, %d, %d", headset.heard.Load(), desk.heard.Load(), tv.heard.Load())
				}
				r.Plug(&headset.RigDevice)
				wait(2 * time.Second)
				s.forget(headset, desk, tv)
			}
			s.end(r)
		})
	}
}

func TestDevicesChangeWithoutAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, headset := loudspeaker("desk"), loudspeaker("headset")
		r := NewRig(&desk.RigDevice)
		d := r.Devices(choosing(nil, []string{"headset", "desk"}))
		s := listen(t, d)
		wait(5 * time.Second)
		s.forget(desk)
		r.Plug(&headset.RigDevice)
		wait(2 * time.Second)
		if s.pulled < 195 || s.pulled > 205 {
			t.Errorf("in two seconds %d frames were pulled", s.pulled)
		}
		s.forget(desk, headset)
		wait(time.Second)
		if headset.heard.Load() < 5_500 || desk.heard.Load() != 0 {
			t.Errorf("the better device came: desk %d, headset %d", desk.heard.Load(), headset.heard.Load())
		}
		d.Set(choosing(nil, []string{"desk", "headset"})) // the user thinks otherwise
		wait(time.Second)
		s.forget(desk, headset)
		wait(time.Second)
		if desk.heard.Load() < 5_500 || headset.heard.Load() != 0 {
			t.Errorf("another was chosen: desk %d, headset %d", desk.heard.Load(), headset.heard.Load())
		}
		if len(s.said()) != 0 {
			t.Errorf("troubles: %v", s.said())
		}
		s.end(r)
	})
}

func TestMissingChoiceIsToldAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, headset := loudspeaker("desk"), loudspeaker("headset")
		r := NewRig(&desk.RigDevice)
		s := listen(t, r.Devices(choosing(nil, []string{"headset"})))
		wait(2 * time.Second)
		r.Plug(&headset.RigDevice)
		wait(2 * time.Second)
		// The microphone is missing throughout, which is said after what the speaker lacks.
		if got := s.said(); !slices.ContainsFunc(got, func(err error) bool { return errors.Is(err, ErrOther) }) || !errors.Is(got[len(got)-1], ErrNoDevice) {
			t.Errorf("troubles: %v", got)
		}
		if headset.heard.Load() == 0 {
			t.Error("nothing is heard")
		}
		s.end(r)
	})
}

func TestCallWithoutAMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := loudspeaker("desk")
		r := NewRig(&desk.RigDevice)
		s := listen(t, r.Devices(DefaultSettings()))
		wait(5 * time.Second)
		if got := s.said(); len(got) != 1 || !errors.Is(got[0], ErrNoDevice) {
			t.Errorf("troubles: %v", got)
		}
		if desk.heard.Load() < 30_000 || len(s.heard) < 35_000 || media.Loudness(s.heard) > -100 {
			t.Errorf("%d samples were played, %d heard", desk.heard.Load(), len(s.heard))
		}
		s.forget()
		r.Plug(talking("new", 440))
		wait(3 * time.Second)
		if got := s.said(); len(got) != 1 || got[0] != nil {
			t.Errorf("troubles, when it came: %v", got)
		}
		if l := media.Level(s.heard[len(s.heard)-testRate/2:], testRate, 440); math.Abs(l+12) > 0.5 {
			t.Errorf("it is heard with %.1f dBFS", l)
		}
		s.end(r)
	})
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		bad    RigDevice
		within time.Duration // until sound goes on for good
		opens  int           // at most, of both directions, in 20 s
	}{
		{"none", RigDevice{}, 100 * time.Millisecond, 2},
		{"opening hangs", RigDevice{OpenTime: -1}, 2 * time.Second, 3},
		{"opening takes long", RigDevice{OpenTime: 4 * time.Second}, 2 * time.Second, 3},
		{"opening fails once", RigDevice{FailOpens: 1}, 2 * time.Second, 4},
		{"opening always fails", RigDevice{FailOpens: -1}, 2 * time.Second, 4},
		{"nothing goes through", RigDevice{Stalls: true}, 5 * time.Second, 5},
		{"the clock is fast", RigDevice{Drift: 200}, 100 * time.Millisecond, 2},
		{"the clock is slow", RigDevice{Drift: -200}, 100 * time.Millisecond, 2},
		{"the clock is another", RigDevice{TrueRate: 7350}, 100 * time.Millisecond, 4},
		{"sound comes in bursts", RigDevice{Burst: 12}, 200 * time.Millisecond, 2},
		{"CD rate", RigDevice{Rate: 44100}, 100 * time.Millisecond, 2},
		{"wide rate", RigDevice{Rate: 48000}, 100 * time.Millisecond, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad, desk := c.bad, loudspeaker("desk")
				if bad.Rate == 0 {
					bad.Rate = testRate
				}
				bad.Name = "bad"
				r := NewRig(&desk.RigDevice, &bad, talking("table", 440))
				s := listen(t, r.Devices(choosing(nil, []string{"bad"})))
				wait(c.within)
				s.forget()
				wait(20 * time.Second)
				if s.pulled < 1750 || s.pulled > 2100 {
					t.Errorf("in 20 s %d frames were pulled", s.pulled)
				}
				if l := media.Level(s.heard, testRate, 440); math.Abs(l+12) > 0.5 {
					t.Errorf("the microphone is heard with %.1f dBFS", l)
				}
				if n := r.Opens(); n > c.opens {
					t.Errorf("devices were opened %d times", n)
				}
				s.end(r)
			})
		})
	}
}

func TestStalledDeviceIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := loudspeaker("desk")
		r := NewRig(&desk.RigDevice, talking("table", 440))
		s := listen(t, r.Devices(DefaultSettings()))
		for range 2 {
			wait(12 * time.Second)
			if len(s.said()) != 0 {
				t.Fatalf("troubles before: %v", s.said())
			}
			before := r.Opens()
			r.Pause(&desk.RigDevice, time.Second)
			wait(5 * time.Second)
			if n := r.Opens() - before; n != 1 {
				t.Errorf("it was opened %d times", n)
			}
			if got := s.said(); len(got) != 2 || !errors.Is(got[0], ErrDeviceLost) || got[1] != nil {
				t.Errorf("troubles: %v", got)
			}
			s.forget(desk)
			wait(time.Second)
			if desk.heard.Load() < 5_500 {
				t.Errorf("%d samples are heard of it", desk.heard.Load())
			}
		}
		s.end(r)
	})
}

func TestDeadMicrophoneIsToldAndNotOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, dead := loudspeaker("desk"), &RigDevice{Name: "dead", Rate: testRate, Capture: true}
		var speaks atomic.Bool
		dead.Hears = func(samples []int16) {
			if speaks.Load() {
				samples[0] = 1
			}
		}
		r := NewRig(&desk.RigDevice, dead)
		s := listen(t, r.Devices(DefaultSettings()))
		wait(9 * time.Second)
		if len(s.said()) != 0 {
			t.Errorf("too early: %v", s.said())
		}
		wait(20 * time.Second)
		if got := s.said(); len(got) != 1 || !errors.Is(got[0], ErrSilent) {
			t.Errorf("troubles: %v", got)
		}
		if r.Opens() != 2 {
			t.Errorf("devices were opened %d times", r.Opens())
		}
		s.forget()
		speaks.Store(true)
		wait(time.Second)
		if got := s.said(); len(got) != 1 || got[0] != nil {
			t.Errorf("it speaks: %v", got)
		}
		s.end(r)
	})
}

func TestNewDefaultDeviceIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, tv := loudspeaker("desk"), loudspeaker("tv")
		r := NewRig(&desk.RigDevice, &tv.RigDevice)
		s := listen(t, r.Devices(DefaultSettings()))
		wait(5 * time.Second)
		r.mu.Lock()
		slices.Reverse(r.devices)
		r.mu.Unlock()
		wait(2 * time.Second)
		s.forget(desk, tv)
		wait(time.Second)
		if tv.heard.Load() < 5_500 || desk.heard.Load() != 0 {
			t.Errorf("desk %d, tv %d", desk.heard.Load(), tv.heard.Load())
		}
		s.end(r)
	})
}

func TestRingerHasItsOwnDevice(t *testing.T) {
	for _, both := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			desk, headset := loudspeaker("desk"), loudspeaker("headset")
			r := NewRig(&headset.RigDevice, &desk.RigDevice)
			chosen := choosing(nil, []string{"headset"})
			chosen.Ringer, chosen.RingSpeaker = Choice{Names: []string{"desk"}, Volume: 60}, both
			d := r.Devices(chosen)
			var loudest atomic.Int64
			plays := desk.Plays
			desk.Plays = func(samples []int16) {
				plays(samples)
				loudest.Store(max(loudest.Load(), int64(slices.Max(samples))))
			}
			ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
			defer stop()
			if err := Ring(ctx, d, media.Sine(440, -6).Sound(8000, time.Second)); err != nil {
				t.Error(err)
			}
			if desk.heard.Load() < 15_000 || headset.heard.Load() > 0 != both {
				t.Errorf("both %v: desk %d, headset %d", both, desk.heard.Load(), headset.heard.Load())
			}
			if l := 20 * math.Log10(float64(loudest.Load())/fullScale); math.Abs(l+16) > 0.5 { // 20 steps of half a decibel softer
				t.Errorf("it rings with %.1f dBFS", l)
			}
			r.Close()
		})
	}
}

func TestLevelFollowsTheMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := loudspeaker("desk")
		r := NewRig(&desk.RigDevice, talking("table", 440))
		d := r.Devices(DefaultSettings())
		near := func(when string, want float64) {
			t.Helper()
			if l := d.Level(); math.Abs(l.RMS-want) > 0.3 || math.Abs(l.Peak-want) > 0.3 {
				t.Errorf("%s: %+v, want %.1f", when, l, want)
			}
		}
		near("before", -120)
		s := listen(t, d)
		wait(time.Second)
		near("in a call", -12)
		louder := DefaultSettings()
		louder.Microphone.Volume = 92
		d.Set(louder)
		wait(time.Second)
		near("louder", -6)
		s.end(r)
		wait(time.Second)
		near("after", -120)
	})
}
