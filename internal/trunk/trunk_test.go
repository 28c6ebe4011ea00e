package trunk

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
	"timbre/internal/ua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A book is the configuration of a test.
type book struct {
	mu     sync.Mutex
	trunks []office.Trunk       // guarded by mu
	secret map[office.ID]string // guarded by mu
	err    error                // guarded by mu
	wake   chan struct{}
}

func (b *book) Trunks(context.Context) ([]office.Trunk, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.trunks), b.err
}

func (b *book) TrunkSecret(_ context.Context, id office.ID) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.secret[id], nil
}

func (b *book) Configured() (<-chan struct{}, func()) { return b.wake, func() {} }

// set changes the configuration and says so.
func (b *book) set(err error, trunks ...office.Trunk) {
	b.mu.Lock()
	b.trunks, b.err = trunks, err
	b.mu.Unlock()
	b.wake <- struct{}{}
}

// A network is where the carriers of a test are, by the last number of their
// address. Its clock is that of the test.
type network struct {
	mu       sync.Mutex
	dial     map[string]func(ctx context.Context, t ua.Target) (*ua.Leg, error) // guarded by mu
	deaf     map[string]bool                                                    // guarded by mu; no answer to OPTIONS
	asked    map[string]int                                                     // guarded by mu; OPTIONS
	dialed   []string                                                           // guarded by mu
	register map[string]func(ua.RegisterConfig)                                 // guarded by mu
	joined   []string                                                           // guarded by mu; "+host" and "-host"
	panics   int                                                                // guarded by mu; so many times
}

func last(addr netip.AddrPort) string {
	s := addr.Addr().String()
	return s[strings.LastIndexByte(s, '.')+1:]
}

func (n *network) Dial(ctx context.Context, t ua.Target) (*ua.Leg, error) {
	n.mu.Lock()
	host := last(t.Addr)
	n.dialed = append(n.dialed, host)
	f := n.dial[host]
	n.mu.Unlock()
	if f == nil {
		return nil, &ua.StatusError{Code: 503, Reason: "Unreachable"}
	}
	return f(ctx, t)
}

func (n *network) Options(_ context.Context, t ua.Target) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host := last(t.Addr)
	n.asked[host]++
	if n.panics--; n.panics >= 0 {
		panic("an answer that nobody expected")
	}
	if n.deaf[host] {
		return 0, &ua.StatusError{Code: 408, Reason: "No Response"}
	}
	return 404, nil
}

func (n *network) RegisterLoop(ctx context.Context, cfg ua.RegisterConfig) error {
	if cfg.Auth.Username == "" {
		return errors.New("no user")
	}
	n.mu.Lock()
	n.joined = append(n.joined, "+"+cfg.Domain)
	f, fails := n.register[cfg.Domain], n.panics > 0
	n.panics--
	n.mu.Unlock()
	if fails {
		panic("an answer that nobody expected")
	}
	if f != nil {
		f(cfg)
	} else if _, err := cfg.Resolve(ctx); err == nil {
		cfg.OnState(ua.RegisterState{Phase: ua.Registered})
	}
	<-ctx.Done()
	n.mu.Lock()
	n.joined = append(n.joined, "-"+cfg.Domain)
	n.mu.Unlock()
	cfg.OnState(ua.RegisterState{Phase: ua.Unregistered})
	return nil
}

// calls returns what was dialled since it was last asked.
func (n *network) calls() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(n.dialed, " ")
	n.dialed = nil
	return s
}

// hear makes host hear, or not hear, OPTIONS.
func (n *network) hear(host string, hears bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaf[host] = !hears
}

// trunkAt returns the trunk whose address ends with last.
func trunkAt(last string, priority int) office.Trunk {
	return office.Trunk{
		ID: office.ID("id-" + last), Name: "carrier " + last, URI: "sip:10.0.0." + last, Transport: "udp",
		Priority: priority, Format: office.E164,
	}
}

// A scene is a group at work.
type scene struct {
	*Group
	net  *network
	book *book
}

// play runs test with a group over trunks, in a bubble, when their state is known.
func play(t *testing.T, trunks []office.Trunk, test func(t *testing.T, s scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := scene{net: &network{
			dial: map[string]func(context.Context, ua.Target) (*ua.Leg, error){}, deaf: map[string]bool{}, asked: map[string]int{},
			register: map[string]func(ua.RegisterConfig){},
		}, book: &book{trunks: trunks, secret: map[office.ID]string{}, wake: make(chan struct{}, 1)}}
		for _, tr := range trunks {
			s.book.secret[tr.ID] = "secret"
		}
		s.Group = New(Config{Store: s.book, Endpoint: s.net, Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			return nil, errors.New("no name server")
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		synctest.Wait()
		test(t, s)
	})
}

// refuses returns a carrier's answer: it rings first where rings says so.
func refuses(code int, rings bool) func(context.Context, ua.Target) (*ua.Leg, error) {
	return func(_ context.Context, t ua.Target) (*ua.Leg, error) {
		if rings {
			t.OnRinging(180, nil)
		}
		return nil, &ua.StatusError{Code: code}
	}
}

// takes answers with leg.
func takes(leg *ua.Leg) func(context.Context, ua.Target) (*ua.Leg, error) {
	return func(context.Context, ua.Target) (*ua.Leg, error) { return leg, nil }
}

// mute says nothing until ctx ends.
func mute(ctx context.Context, _ ua.Target) (*ua.Leg, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// silent says 100 and no more until ctx ends.
func silent(ctx context.Context, t ua.Target) (*ua.Leg, error) {
	t.OnTrying()
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestFailover(t *testing.T) {
	tests := []struct {
		name      string
		first     func(context.Context, ua.Target) (*ua.Leg, error)
		emergency bool
		tried     string
		code      int // 0: answered
		rings     int
	}{
		{"it answers", takes(new(ua.Leg)), false, "1", 0, 0},
		{"unreachable", nil, false, "1 2", 0, 0},
		{"out of service", refuses(503, false), false, "1 2", 0, 0},
		{"an error of its own", refuses(500, false), false, "1 2", 0, 0},
		{"no response", refuses(408, false), false, "1 2", 0, 0},
		{"our password is wrong", refuses(407, false), false, "1 2", 0, 0},
		{"mute", mute, false, "1 2", 0, 0},
		{"silent", silent, false, "1 2", 0, 0},
		{"busy", refuses(486, true), false, "1", 486, 1},
		{"busy at once", refuses(486, false), false, "1", 486, 0},
		{"declined", refuses(603, true), false, "1", 603, 1},
		{"no such number", refuses(404, false), false, "1", 404, 0},
		{"forbidden", refuses(403, false), false, "1", 403, 0},
		{"redirected", refuses(302, false), false, "1", 302, 0},
		{"out of service after it rang: it would ring twice", refuses(503, true), false, "1", 503, 1},
		{"an emergency is tried everywhere: forbidden", refuses(403, false), true, "1 2", 0, 0},
		{"an emergency is tried everywhere: after it rang", refuses(480, true), true, "1 2", 0, 1},
		{"an emergency is tried everywhere: out of service after it rang", refuses(503, true), true, "1 2", 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}, func(t *testing.T, s scene) {
				leg, rings := new(ua.Leg), 0
				s.net.dial["1"], s.net.dial["2"] = tt.first, takes(leg)
				got, used, err := s.Dial(t.Context(), Call{Number: "+525512345678", Emergency: tt.emergency, OnRinging: func(int, func(string) string) { rings++ }})
				if tried := s.net.calls(); tried != tt.tried || rings != tt.rings {
					t.Errorf("tried %q, rang %d times, want %q and %d", tried, rings, tt.tried, tt.rings)
				}
				if at := "carrier " + tt.tried[len(tt.tried)-1:]; used.Name != at {
					t.Errorf("over %s, want %s", used.Name, at)
				}
				var refused *ua.StatusError
				switch {
				case tt.code == 0:
					if err != nil || got == nil {
						t.Errorf("%v, %v", got, err)
					}
				case !errors.As(err, &refused) || refused.Code != tt.code || errors.Is(err, office.ErrNoTrunk) || got != nil:
					t.Errorf("%v, %v, want %d", got, err, tt.code)
				}
			})
		})
	}
}

func TestNoTrunkTakesTheCall(t *testing.T) {
	play(t, nil, func(t *testing.T, s scene) {
		if _, _, err := s.Dial(t.Context(), Call{Number: "911", Emergency: true}); !errors.Is(err, office.ErrNoTrunk) {
			t.Errorf("without any: %v", err)
		}
	})
	play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}, func(t *testing.T, s scene) {
		s.net.dial["1"], s.net.dial["2"] = refuses(503, false), refuses(500, false)
		_, used, err := s.Dial(t.Context(), Call{Number: "+525512345678"})
		var last *ua.StatusError
		if !errors.Is(err, office.ErrNoTrunk) || !errors.As(err, &last) || last.Code != 500 || used.Name != "carrier 2" {
			t.Errorf("%v over %s", err, used.Name)
		}
	})
}

func TestOrderIsByPriorityAndWhatIsDownComesLast(t *testing.T) {
	play(t, []office.Trunk{trunkAt("3", 30), trunkAt("1", 10), trunkAt("2", 20)}, func(t *testing.T, s scene) {
		s.Dial(t.Context(), Call{Number: "+525512345678"})
		if got := s.net.calls(); got != "1 2 3" {
			t.Errorf("all are up: %s", got)
		}
		s.net.hear("1", false)
		time.Sleep(askTime + patience)
		s.Dial(t.Context(), Call{Number: "+525512345678"})
		if got := s.net.calls(); got != "2 3 1" {
			t.Errorf("the first is down: %s", got)
		}
		s.net.hear("1", true)
		time.Sleep(askDownTime + patience)
		s.Dial(t.Context(), Call{Number: "+525512345678"})
		if got := s.net.calls(); got != "1 2 3" {
			t.Errorf("it is there again: %s", got)
		}
	})
}

// TestSilentCarrierIsLeft has the first carrier wake up too late, or in the last
// moment.
func TestSilentCarrierIsLeft(t *testing.T) {
	leg := new(ua.Leg)
	for _, tt := range []struct {
		name  string
		wakes time.Duration
		tried string
		took  time.Duration
	}{
		{"it rings after all", silenceTime - time.Millisecond, "1", 20 * time.Second},
		{"it is too late", silenceTime + time.Millisecond, "1 2", silenceTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}, func(t *testing.T, s scene) {
				rings := 0
				s.net.dial["2"] = takes(leg)
				s.net.dial["1"] = func(ctx context.Context, to ua.Target) (*ua.Leg, error) {
					to.OnTrying()
					ringing := time.AfterFunc(tt.wakes, func() { to.OnRinging(180, nil); to.OnEarly(leg) })
					defer ringing.Stop()
					select {
					case <-ctx.Done():
						time.AfterFunc(2*time.Second, func() { to.OnRinging(180, nil) }) // it crosses our CANCEL
						return nil, ctx.Err()
					case <-time.After(20 * time.Second):
						return leg, nil
					}
				}
				began := time.Now()
				got, _, err := s.Dial(t.Context(), Call{Number: "+525512345678", OnRinging: func(int, func(string) string) { rings++ }})
				took := time.Since(began)
				time.Sleep(10 * time.Second)
				if tried := s.net.calls(); tried != tt.tried || took != tt.took || got != leg || err != nil {
					t.Errorf("tried %s in %v: %v, %v", tried, took, got, err)
				}
				if want := 2 - len(strings.Fields(tt.tried)); rings != want {
					t.Errorf("rang %d times, want %d", rings, want)
				}
			})
		})
	}
	t.Run("there is no other", func(t *testing.T) {
		play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}, func(t *testing.T, s scene) {
			s.net.hear("2", false)
			time.Sleep(askTime + patience)
			s.net.dial["1"] = func(ctx context.Context, to ua.Target) (*ua.Leg, error) {
				to.OnTrying()
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(15 * time.Second): // a call abroad may take its time
					return leg, nil
				}
			}
			if got, _, err := s.Dial(t.Context(), Call{Number: "+4930123456"}); got != leg || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	})
}

// TestSilenceIsBounded has trunks that are up or down, and say 100 or nothing at
// all: who calls must hear soon that nobody takes the call.
func TestSilenceIsBounded(t *testing.T) {
	type carriers = []func(context.Context, ua.Target) (*ua.Leg, error)
	for _, tt := range []struct {
		name      string
		carriers  carriers
		down      bool
		emergency bool
		took      time.Duration
	}{
		{"one, mute", carriers{mute}, false, false, muteTime},
		{"one, mute, emergency", carriers{mute}, false, true, muteTime},
		{"one, down", carriers{mute}, true, false, deadTime},
		{"one, down, emergency", carriers{mute}, true, true, deadTime},
		{"two, down", carriers{mute, mute}, true, false, 2 * deadTime},
		{"two, mute", carriers{mute, mute}, false, false, 2 * muteTime},
		{"one says 100", carriers{silent}, false, false, slowTime},
		{"one says 100, emergency", carriers{silent}, false, true, helpTime},
		{"two say 100", carriers{silent, silent}, false, false, silenceTime + slowTime},
		{"two say 100, emergency", carriers{silent, silent}, false, true, silenceTime + helpTime},
		{"two say 100, down, emergency", carriers{silent, silent}, true, true, 2 * helpTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}[:len(tt.carriers)], func(t *testing.T, s scene) {
				for i, c := range tt.carriers {
					s.net.dial[string(rune('1'+i))] = c
					s.net.hear(string(rune('1'+i)), !tt.down)
				}
				time.Sleep(askTime + patience)
				began := time.Now()
				_, _, err := s.Dial(t.Context(), Call{Number: "911", Emergency: tt.emergency})
				if took := time.Since(began); took != tt.took || !errors.Is(err, office.ErrNoTrunk) {
					t.Errorf("%v after %v, want %v", err, took, tt.took)
				}
			})
		})
	}
	t.Run("a name server that is silent too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			named := trunkAt("1", 1)
			named.URI = "sip:carrier.example"
			g := known(t)
			g.cfg.Resolve = func(ctx context.Context, _ string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			g.carriers = append(g.carriers, newCarrier(named, "", time.Time{}))
			began := time.Now()
			_, _, err := g.Dial(t.Context(), Call{Number: "911", Emergency: true})
			if took := time.Since(began); took != deadTime || !errors.Is(err, office.ErrNoTrunk) {
				t.Errorf("%v after %v", err, took)
			}
		})
	})
}

func TestCancelEndsTheFailover(t *testing.T) {
	play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2), trunkAt("3", 3)}, func(t *testing.T, s scene) {
		s.net.dial["1"], s.net.dial["2"] = silent, silent
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(silenceTime+time.Second, cancel) // in the middle of the second
		leg, _, err := s.Dial(ctx, Call{Number: "911", Emergency: true})
		if tried := s.net.calls(); leg != nil || !errors.Is(err, context.Canceled) || tried != "1 2" {
			t.Errorf("%v, %v after %s", leg, err, tried)
		}
	})
}

func TestWhatGoesOut(t *testing.T) {
	one, two := trunkAt("1", 1), trunkAt("2", 2)
	one.Format, one.URI, one.Register, one.Username = office.NationalFormat, "sip:10.0.0.1:5080", true, "user"
	var got []ua.Target
	note := func(code int) func(context.Context, ua.Target) (*ua.Leg, error) {
		return func(_ context.Context, to ua.Target) (*ua.Leg, error) {
			got = append(got, to)
			return nil, &ua.StatusError{Code: code}
		}
	}
	play(t, []office.Trunk{one, two}, func(t *testing.T, s scene) {
		s.net.dial["1"], s.net.dial["2"] = note(503), note(486)
		s.Dial(t.Context(), Call{
			Number: "+525512345678", Identity: office.Party{Number: "+525555550100", Name: "Ana"}, Hops: 7,
			Diversion: []ua.Diversion{{Party: office.Party{Number: "+525555550101"}, Reason: "no-answer"}},
			Written: func(n office.Number, f office.NumberFormat) string {
				if f == office.NationalFormat {
					return strings.TrimPrefix(string(n), "+52")
				}
				return string(n)
			},
		})
	})
	if len(got) != 2 {
		t.Fatalf("%d calls", len(got))
	}
	if g := got[0]; g.URI != "sip:5512345678@10.0.0.1:5080" || g.Addr.String() != "10.0.0.1:5080" || g.Identity.Number != "5555550100" ||
		g.FromHost != "10.0.0.1" || g.Auth == nil || g.Hops != 7 || len(g.Diversion) != 1 {
		t.Errorf("%+v", g)
	}
	if g := got[1]; g.URI != "sip:+525512345678@10.0.0.2" || g.Addr.String() != "10.0.0.2:5060" || g.Identity.Number != "+525555550100" ||
		g.Identity.Name != "Ana" || g.From != g.Identity || g.Auth != nil {
		t.Errorf("%+v", g)
	}
	// The carrier's realm is the one in which it asks first; what is behind it gets nothing.
	if trust := got[0].Auth.Trust; !trust("carrier.example") || trust("elsewhere.example") || !trust("carrier.example") {
		t.Error("a challenge of another realm would be answered")
	}
}

func TestChangesDisturbNobodyElse(t *testing.T) {
	one, two := trunkAt("1", 1), trunkAt("2", 2)
	for _, tr := range []*office.Trunk{&one, &two} {
		tr.Register, tr.Username = true, "user"
	}
	play(t, []office.Trunk{one, two}, func(t *testing.T, s scene) {
		if got := s.States(); len(got) != 2 || !got[0].Up() || !got[1].Up() {
			t.Errorf("%+v", got)
		}
		s.book.set(errors.New("disk"), one)
		time.Sleep(time.Second)
		if got := s.States(); len(got) != 2 {
			t.Errorf("a configuration that cannot be read took trunks away: %+v", got)
		}
		changed := two
		changed.Username = "other"
		s.book.mu.Lock() // seen without a wake: what could not be read is read again
		s.book.trunks, s.book.err = []office.Trunk{one, changed}, nil
		s.book.mu.Unlock()
		time.Sleep(rereadTime)
		synctest.Wait()
		s.book.set(nil, changed)
		synctest.Wait()
		s.net.mu.Lock()
		joined := slices.Clone(s.net.joined)
		s.net.mu.Unlock()
		slices.Sort(joined[:2]) // they start at the same time
		if want := []string{"+10.0.0.1", "+10.0.0.2", "-10.0.0.2", "+10.0.0.2", "-10.0.0.1"}; !slices.Equal(joined, want) {
			t.Errorf("%v, want %v", joined, want)
		}
		if got := s.States(); len(got) != 1 || got[0].Trunk.Username != "other" {
			t.Errorf("%+v", got)
		}
	})
}

func TestStateOfARegisteringTrunk(t *testing.T) {
	one := trunkAt("1", 1)
	one.Register, one.Username = true, "user"
	play(t, []office.Trunk{one}, func(t *testing.T, s scene) {
		tell := make(chan ua.RegisterState)
		s.net.register["10.0.0.1"] = func(cfg ua.RegisterConfig) {
			for st := range tell {
				cfg.OnState(st)
			}
		}
		other := one
		other.Name = "renamed"
		s.book.set(nil, other)
		state := func(r ua.RegisterState) State {
			time.Sleep(time.Minute)
			tell <- r
			synctest.Wait()
			return s.States()[0]
		}
		if st := state(ua.RegisterState{Phase: ua.Registering}); st.Up() {
			t.Errorf("registering: %+v", st)
		}
		up := state(ua.RegisterState{Phase: ua.Registered})
		if !up.Up() || !up.Registered || up.LastError != "" || !up.Since.Equal(time.Now()) {
			t.Errorf("registered: %+v", up)
		}
		if st := state(ua.RegisterState{Phase: ua.Registered}); st.Since != up.Since {
			t.Errorf("a refresh is no news: %+v", st)
		}
		st := state(ua.RegisterState{Phase: ua.Failed, Status: 403, Err: &ua.StatusError{Code: 403, Reason: "Forbidden"}})
		if st.Up() || st.Registered || !st.Reachable || st.LastError != "403 Forbidden" {
			t.Errorf("refused: %+v", st)
		}
		if st := state(ua.RegisterState{Phase: ua.Failed, Status: 408, Err: &ua.StatusError{Code: 408}}); st.Reachable {
			t.Errorf("no answer: %+v", st)
		}
		close(tell)
	})
}

// TestNoAnswerEndsTheOffice has the endpoint panic, asked and registering.
func TestNoAnswerEndsTheOffice(t *testing.T) {
	asked, registering := trunkAt("1", 1), trunkAt("1", 1)
	registering.Register, registering.Username = true, "user"
	for _, tr := range []office.Trunk{asked, registering} {
		play(t, nil, func(t *testing.T, s scene) {
			s.net.mu.Lock()
			s.net.panics = 2
			s.net.mu.Unlock()
			s.book.set(nil, tr)
			synctest.Wait()
			if s.States()[0].Up() {
				t.Error("it cannot be up yet")
			}
			time.Sleep(2 * askDownTime)
			synctest.Wait()
			if st := s.States()[0]; !st.Up() {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestRegisteringWithoutAUserIsAnError(t *testing.T) {
	one := trunkAt("1", 1)
	one.Register = true
	play(t, []office.Trunk{one}, func(t *testing.T, s scene) {
		if st := s.States()[0]; st.Up() || st.LastError != "no user" {
			t.Errorf("%+v", st)
		}
	})
}

// TestCarrierThatIgnoresOPTIONS is known by its calls alone.
func TestCarrierThatIgnoresOPTIONS(t *testing.T) {
	play(t, []office.Trunk{trunkAt("1", 1)}, func(t *testing.T, s scene) {
		s.net.hear("1", false)
		time.Sleep(askTime + patience)
		if st := s.States()[0]; st.Up() {
			t.Errorf("it answered once, and does not any more: %+v", st)
		}
	})
	deaf := trunkAt("1", 1)
	play(t, nil, func(t *testing.T, s scene) {
		s.net.hear("1", false)
		s.book.set(nil, deaf)
		time.Sleep(askDownTime)
		if st := s.States()[0]; st.Up() {
			t.Errorf("nothing is known of it: %+v", st)
		}
		s.net.mu.Lock()
		s.net.dial["1"] = refuses(486, false)
		s.net.mu.Unlock()
		s.Dial(t.Context(), Call{Number: "+525512345678"})
		time.Sleep(2 * askTime)
		if st := s.States()[0]; !st.Up() {
			t.Errorf("it takes calls: %+v", st)
		}
		s.net.mu.Lock()
		s.net.dial["1"] = nil
		s.net.mu.Unlock()
		s.Dial(t.Context(), Call{Number: "+525512345678"})
		time.Sleep(2 * askTime)
		if st := s.States()[0]; st.Up() || st.LastError == "" {
			t.Errorf("it takes none: %+v", st)
		}
	})
}

func TestTest(t *testing.T) {
	play(t, []office.Trunk{trunkAt("1", 1), trunkAt("2", 2)}, func(t *testing.T, s scene) {
		if _, err := s.Test(t.Context(), "unknown"); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%v", err)
		}
		s.net.hear("2", false)
		if st, err := s.Test(t.Context(), "id-1"); err != nil || !st.Up() {
			t.Errorf("%+v, %v", st, err)
		}
		if st, err := s.Test(t.Context(), "id-2"); err == nil || st.Up() {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

func TestAddressesAreFollowed(t *testing.T) {
	named := trunkAt("1", 1)
	named.URI = "sip:carrier.example"
	found := map[string][]netip.Addr{}
	var mu sync.Mutex
	set := func(addrs ...string) {
		mu.Lock()
		defer mu.Unlock()
		found = map[string][]netip.Addr{}
		for _, a := range addrs {
			found["carrier.example"] = append(found["carrier.example"], netip.MustParseAddr(a))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		n := &network{deaf: map[string]bool{}, asked: map[string]int{}}
		g := New(Config{Store: &book{trunks: []office.Trunk{named}}, Endpoint: n, Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			if len(found[host]) == 0 {
				return nil, errors.New("no such host")
			}
			return found[host], nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		known := func() (where []string) {
			synctest.Wait()
			for a := range maps.Keys(map[string]bool{"10.0.0.1": true, "10.0.0.2": true, "10.0.0.3": true}) {
				if _, ok := g.Identify(netip.AddrPortFrom(netip.MustParseAddr(a), 5060), "udp", ""); ok {
					where = append(where, last(netip.AddrPortFrom(netip.MustParseAddr(a), 1)))
				}
			}
			slices.Sort(where)
			return where
		}
		if got := known(); len(got) != 0 || !strings.Contains(g.States()[0].LastError, "no such host") {
			t.Errorf("%v, %+v", got, g.States())
		}
		set("2001:db8::1", "10.0.0.1", "10.0.0.2")
		time.Sleep(askDownTime)
		if got := known(); !slices.Equal(got, []string{"1", "2"}) || !g.States()[0].Up() {
			t.Errorf("%v, %+v", got, g.States())
		}
		set() // the name server is down: nothing changes
		time.Sleep(2 * askTime)
		if got := known(); !slices.Equal(got, []string{"1", "2"}) || !g.States()[0].Up() {
			t.Errorf("%v, %+v", got, g.States())
		}
		set("10.0.0.2", "10.0.0.1")
		n.hear("1", false) // what was first remains so, until it does not answer
		time.Sleep(askTime + askDownTime + time.Second)
		n.mu.Lock()
		asked := n.asked["2"]
		n.mu.Unlock()
		if !g.States()[0].Up() || asked == 0 {
			t.Errorf("the other address was asked %d times: %+v", asked, g.States())
		}
		set("10.0.0.3")
		time.Sleep(askTime)
		if got := known(); !slices.Equal(got, []string{"3"}) {
			t.Errorf("moved: %v", got)
		}
		cancel()
		<-ended
	})
}
