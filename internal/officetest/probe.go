package officetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// A station is one telephone of the bench: SIP over UDP, plain RTP, no sound.
type station struct {
	*ua.Endpoint
	addr netip.AddrPort
	legs chan *ua.Leg // of calls that it answered
}

// newStation runs a telephone until stop is called.
func newStation() (s *station, stop func() error, err error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s = &station{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), legs: make(chan *ua.Leg, 1)}
	s.Endpoint, err = ua.New(ua.Config{UDP: conn, Host: "localhost", OnInvite: func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
			s.legs <- leg
			<-leg.Done()
		}
	}})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, func() error {
		cancel()
		return <-ended
	}, nil
}

// register registers a at the office until stop is called.
func (s *station) register(ctx context.Context, server string, a office.SIPAccount) (stop func(), err error) {
	addr, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	registered, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.RegisterLoop(ctx, ua.RegisterConfig{
			Domain: a.Domain, Transport: "udp", Addr: addr, Auth: credentials(a),
			OnState: func(r ua.RegisterState) {
				if r.Phase == ua.Registered {
					select {
					case registered <- struct{}{}:
					default:
					}
				}
			},
		})
	}()
	stop = func() {
		cancel()
		<-ended
	}
	select {
	case <-registered:
		return stop, nil
	case <-time.After(registerTime):
		stop()
		return nil, errors.New("a telephone of the bench did not register")
	}
}

func credentials(a office.SIPAccount) ua.Credentials {
	return ua.Credentials{Username: a.Username, Password: a.Password, Realm: office.SIPRealm}
}

// call calls uri at addr, where callee answers.
func (s *station) call(ctx context.Context, uri, addr string, auth *ua.Credentials, callee *station) (talk, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return talk{}, err
	}
	t := ua.Target{URI: uri, Transport: "udp", Addr: a, Auth: auth}
	if auth != nil {
		t.From.Number = office.Number(auth.Username)
	}
	here, err := s.Dial(ctx, t)
	if err != nil {
		return talk{}, fmt.Errorf("calling %s: %w", uri, err)
	}
	return talk{here, <-callee.legs}, nil
}

// Delays are how long packets were on their way.
type Delays []time.Duration

// Percentile returns the delay that p percent of the packets did not exceed; 0
// where there were none.
func (d Delays) Percentile(p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(float64(len(d))*p/100))]
}

// stamp writes into b when it is sent.
func stamp(b []byte) { binary.BigEndian.PutUint64(b, uint64(time.Now().UnixNano())) }

// sentAgo returns how long ago b was stamped.
func sentAgo(b []byte) time.Duration {
	return time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
}

// A talk is both ends of one call.
type talk struct{ here, there *ua.Leg }

// measure sends stamped packets both ways through all talks, fifty each second,
// and returns how long each was on its way. Then it hangs up.
func measure(ctx context.Context, talks []talk, long time.Duration) (Delays, error) {
	var legs []*ua.Leg
	for _, t := range talks {
		legs = append(legs, t.here, t.there)
	}
	all := make([]Delays, len(legs))
	packets := make([]ua.Packet, len(legs))
	for i, leg := range legs {
		packets[i] = ua.Packet{Payload: make([]byte, 160), SSRC: uint32(i + 1)}
		leg.Listen(func(p *ua.Packet) {
			if len(p.Payload) >= 8 {
				all[i] = append(all[i], sentAgo(p.Payload))
			}
		})
	}
	err := paced(ctx, len(legs), long, func(i int) error {
		p := &packets[i]
		p.Sequence++
		p.Timestamp += 160
		stamp(p.Payload)
		return legs[i].WritePacket(p)
	})
	time.Sleep(200 * time.Millisecond) // for the last packets
	for _, leg := range legs {
		leg.Listen(nil)
	}
	for _, t := range talks {
		err = errors.Join(err, t.here.Hangup(ctx))
	}
	return slices.Concat(all...), err
}

// paced calls send for each of n streams fifty times a second. A tenth of them
// comes every 2 ms: real calls do not speak all at once.
func paced(ctx context.Context, n int, long time.Duration, send func(i int) error) error {
	const step = 2 * time.Millisecond
	for pacer, end := media.NewPacer(time.Now(), step), time.Now().Add(long); time.Now().Before(end); {
		turn, wait := pacer.Next(time.Now())
		time.Sleep(wait)
		for i := int(turn % 10); i < n; i += 10 {
			if err := send(i); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
