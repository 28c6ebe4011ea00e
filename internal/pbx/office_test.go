package pbx

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/auth"
	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/store"
	"timbre/internal/ua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain  = "office.test"
	ringing = 3 * time.Second  // ring time of every extension
	patient = 20 * time.Second // how long a test waits for what must happen
)

// An exchange is a switchboard with the extensions 101, 102 and 103.
type exchange struct {
	*PBX
	t        *testing.T
	store    *store.Store
	dir      string // of the data
	gate     *auth.Gate
	udp, tls netip.AddrPort
	stop     func() // and wait until it has
}

// open starts an exchange; change may alter it before.
func open(t *testing.T, change ...func(*PBX)) *exchange {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	x := &exchange{t: t, store: s, dir: dir, gate: auth.New(auth.Config{Store: s, Log: log, Domain: domain})}
	for number, name := range map[office.Number]string{"101": "Ana", "102": "Luis", "103": "Eva"} {
		if _, err := s.AddExtension(t.Context(), office.Extension{Number: number, Name: name, RingTime: ringing}, "no password"); err != nil {
			t.Fatal(err)
		}
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x.udp, x.tls = addr(udp.LocalAddr()), addr(listener.Addr())
	x.PBX, err = New(t.Context(), Config{
		Log: log, Store: s, Gate: x.gate, Agent: "timbred/test", Domain: domain,
		UDP: udp, TLS: listener, ServerTLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(x.PBX)
	}
	x.stop = serve(t, "switchboard", x.Run)
	return x
}

// serve runs what runs; stop ends it and waits.
func serve(t *testing.T, name string, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// addr returns a as an AddrPort.
func addr(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

// certificate makes one that nobody should trust.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// ringsFor sets the ring time of ext.
func (x *exchange) ringsFor(t *testing.T, ext office.Number, d time.Duration) {
	t.Helper()
	if _, err := x.store.SetExtension(t.Context(), ext, store.ExtensionPatch{RingTime: &d}); err != nil {
		t.Fatal(err)
	}
}

// A phone is a registered device that does with incoming calls what the test
// wants.
type phone struct {
	*ua.Endpoint
	t       *testing.T
	device  office.Device
	account office.SIPAccount
	target  ua.Target // of the exchange
	vanish  func()    // ends it without a word

	mu sync.Mutex
	on func(context.Context, *ua.Incoming) // guarded by mu
}

// phone adds a device to ext and registers it over transport, "udp" for plain
// RTP or "tls" for SRTP.
func (x *exchange) phone(t *testing.T, ext office.Number, transport string) *phone {
	t.Helper()
	p := x.unregistered(t, ext, transport)
	registered := make(chan struct{}, 1)
	serve(t, "registration", func(ctx context.Context) error {
		return p.RegisterLoop(ctx, ua.RegisterConfig{
			Domain: domain, Transport: transport, Addr: p.target.Addr, Auth: *p.target.Auth,
			OnState: func(s ua.RegisterState) {
				switch s.Phase {
				case ua.Registered:
					select {
					case registered <- struct{}{}:
					default:
					}
				case ua.Failed:
					t.Errorf("registration of %s: %d %v", ext, s.Status, s.Err)
				}
			},
		})
	})
	receive(t, registered, "the registration of "+string(ext))
	return p
}

// unregistered adds a device that can call and not be called.
func (x *exchange) unregistered(t *testing.T, ext office.Number, transport string) *phone {
	t.Helper()
	p := &phone{t: t}
	var err error
	if p.device, p.account, err = x.gate.AddDevice(t.Context(), ext, "phone of "+string(ext)); err != nil {
		t.Fatal(err)
	}
	cfg := ua.Config{
		Log: slog.New(slog.DiscardHandler), Agent: "phone", Host: domain,
		ClientTLS: &tls.Config{InsecureSkipVerify: true}, OnInvite: p.incoming,
	}
	p.target = ua.Target{
		Transport: transport, Addr: x.tls, Secure: transport == "tls",
		From: office.Party{Number: office.Number(p.account.Username)},
		Auth: &ua.Credentials{Username: p.account.Username, Password: p.account.Password, Realm: office.SIPRealm},
	}
	if transport == "udp" {
		if cfg.UDP, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		p.target.Addr = x.udp
	}
	if p.Endpoint, err = ua.New(cfg); err != nil {
		t.Fatal(err)
	}
	p.vanish = serve(t, "phone", p.Run)
	return p
}

// incoming does what the test wants.
func (p *phone) incoming(ctx context.Context, in *ua.Incoming) {
	p.mu.Lock()
	on := p.on
	p.mu.Unlock()
	if on == nil {
		p.t.Errorf("%s rings unexpectedly", p.device.Extension)
		return
	}
	on(ctx, in)
}

// does sets what to do with incoming calls.
func (p *phone) does(on func(context.Context, *ua.Incoming)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = on
}

// answers makes the phone answer in codecs (none: what it usually speaks) and
// send a tone of hz; what it has is sent when the call is over.
func (p *phone) answers(hz float64, codecs ...sdp.Codec) <-chan *talk {
	talks := make(chan *talk, 4)
	p.does(func(ctx context.Context, in *ua.Incoming) {
		if err := in.Ring(); err != nil {
			p.t.Errorf("ring: %v", err)
		}
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: codecs})
		if err != nil {
			p.t.Errorf("answer: %v", err)
			return
		}
		k := newTalk(leg, hz)
		k.in = in
		talks <- k
		k.wait()
	})
	return talks
}

// rejects makes the phone ring and then refuse.
func (p *phone) rejects(code int, headers ...ua.Headers) {
	p.does(func(_ context.Context, in *ua.Incoming) {
		if err := errors.Join(in.Ring(), in.Reject(code, headers...)); err != nil {
			p.t.Errorf("reject: %v", err)
		}
	})
}

// rings makes the phone ring until the caller gives up, which it tells.
func (p *phone) rings() (rung, canceled <-chan *ua.Incoming) {
	r, c := make(chan *ua.Incoming, 4), make(chan *ua.Incoming, 4)
	p.does(func(ctx context.Context, in *ua.Incoming) {
		if err := in.Ring(); err != nil {
			p.t.Errorf("ring: %v", err)
		}
		r <- in
		select {
		case <-in.Canceled():
			c <- in
		case <-ctx.Done():
		}
	})
	return r, c
}

// dial calls number and returns how that went.
func (p *phone) dial(ctx context.Context, number string, change ...func(*ua.Target)) (*ua.Leg, error) {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	target := p.target
	target.URI = "sip:" + number + "@" + domain
	for _, c := range change {
		c(&target)
	}
	return p.Dial(ctx, target)
}

// call calls number, which must answer, and sends a tone of hz.
func (p *phone) call(number string, hz float64, codecs ...sdp.Codec) *talk {
	p.t.Helper()
	leg, err := p.dial(p.t.Context(), number, func(t *ua.Target) { t.Codecs = codecs })
	if err != nil {
		p.t.Fatalf("call to %s: %v", number, err)
	}
	return newTalk(leg, hz)
}

// A talk is a phone's side of a call: it sends a tone and keeps what it hears.
type talk struct {
	leg *ua.Leg
	in  *ua.Incoming // of a call that came in
	hz  float64

	over sync.WaitGroup

	mu    sync.Mutex
	heard []int16       // guarded by mu
	more  chan struct{} // wakes who waits for more
}

// newTalk talks on leg until it is over.
func newTalk(leg *ua.Leg, hz float64) *talk {
	k := &talk{leg: leg, hz: hz, more: make(chan struct{}, 1)}
	law := media.PCMU
	if leg.Codec().Is(sdp.PCMA) {
		law = media.PCMA
	}
	leg.Listen(func(p *ua.Packet) { k.hear(p, law) })
	k.over.Go(func() { k.speak(law) })
	return k
}

// speak sends the tone, in real time.
func (k *talk) speak(law media.Law) {
	const frame = 160
	tone := media.Sine(k.hz, -10).Sound(8000, time.Second).Samples
	payload := make([]byte, frame)
	pacer := media.NewPacer(time.Now(), 20*time.Millisecond)
	for {
		n, wait := pacer.Next(time.Now())
		select {
		case <-time.After(wait):
		case <-k.leg.Done():
			return
		}
		law.Encode(payload, tone[int(n)%50*frame:]) // by its number: a frame left out shifts nothing
		_ = k.leg.WritePacket(&ua.Packet{Sequence: uint16(n), Timestamp: uint32(n * frame), SSRC: 5, Payload: payload})
	}
}

// hear keeps what comes.
func (k *talk) hear(p *ua.Packet, law media.Law) {
	if p.Event {
		return
	}
	samples := make([]int16, len(p.Payload))
	law.Decode(samples, p.Payload)
	k.mu.Lock()
	k.heard = append(k.heard, samples...)
	k.mu.Unlock()
	select {
	case k.more <- struct{}{}:
	default:
	}
}

// hears waits until a tone of hz is heard for 100 ms. A busy machine leaves
// frames out, so that it need not be as strong as it was sent.
func (k *talk) hears(t *testing.T, hz float64) {
	t.Helper()
	for end := time.After(patient); ; {
		level := k.level(hz)
		if level > -20 {
			return
		}
		select {
		case <-k.more:
		case <-k.leg.Done():
			t.Fatalf("the call was over before %v Hz were heard", hz)
		case <-end:
			t.Fatalf("%v Hz are heard at %.0f dB only", hz, level)
		}
	}
}

// level returns how loud a tone of hz was in the last 100 ms, in dB.
func (k *talk) level(hz float64) float64 {
	const window = 800
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.heard) < window {
		return -100
	}
	return media.Level(k.heard[len(k.heard)-window:], 8000, hz)
}

// hangUp ends the call.
func (k *talk) hangUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := k.leg.Hangup(ctx); err != nil {
		t.Errorf("hang up: %v", err)
	}
	k.wait()
}

// wait waits until the call is over.
func (k *talk) wait() { k.over.Wait() }

// receive returns what comes on c, which must not take long.
func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patient):
		t.Fatalf("%s does not come", what)
	}
	return v
}

// log waits until ext has n calls in its log and returns the newest first.
func (x *exchange) log(t *testing.T, ext office.Number, n int) []office.Call {
	t.Helper()
	e, err := x.store.Extension(t.Context(), ext)
	if err != nil {
		t.Fatal(err)
	}
	wake, cancel := x.store.Subscribe(e.Account)
	defer cancel()
	for end := time.After(patient); ; {
		ids, err := x.store.QueryCalls(t.Context(), e.Account, store.CallFilter{}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) >= n {
			if len(ids) > n {
				t.Errorf("%s has %d calls in the log, not %d", ext, len(ids), n)
			}
			var calls []office.Call
			for _, id := range ids {
				c, err := x.store.Calls(t.Context(), e.Account, id)
				if err != nil || len(c) != 1 {
					t.Fatal(c, err)
				}
				calls = append(calls, c[0])
			}
			return calls
		}
		select {
		case <-wake:
		case <-end:
			t.Fatalf("%s has only %d of %d calls in the log", ext, len(ids), n)
		}
	}
}
