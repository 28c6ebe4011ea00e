package officetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
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

// call calls to at addr and returns both legs.
func (s *station) call(ctx context.Context, uri, addr string, auth *ua.Credentials, callee *station) (here, there *ua.Leg, err error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, nil, err
	}
	t := ua.Target{URI: uri, Transport: "udp", Addr: a, Auth: auth}
	if auth != nil {
		t.From.Number = office.Number(auth.Username)
	}
	if here, err = s.Dial(ctx, t); err != nil {
		return nil, nil, fmt.Errorf("calling %s: %w", uri, err)
	}
	return here, <-callee.legs, nil
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

// measure sends stamped packets from one leg to the other, fifty each second,
// and returns how long each took.
func measure(ctx context.Context, from, to *ua.Leg, long time.Duration) (Delays, error) {
	var got Delays
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := new(ua.Packet); to.ReadPacket(p) == nil; {
			if len(p.Payload) >= 8 {
				got = append(got, sentAgo(p.Payload))
			}
		}
	})
	const ptime = 20 * time.Millisecond
	pacer := media.NewPacer(time.Now(), ptime)
	p := &ua.Packet{Payload: make([]byte, 160), SSRC: 1}
	var err error
	for sent := 0; sent < int(long/ptime) && err == nil && ctx.Err() == nil; sent++ {
		n, wait := pacer.Next(time.Now())
		time.Sleep(wait)
		p.Sequence, p.Timestamp = uint16(sent), uint32(n)*160
		stamp(p.Payload)
		err = from.WritePacket(p)
	}
	time.Sleep(100 * time.Millisecond) // for the last packets
	from.Hangup(ctx)
	to.Hangup(ctx)
	wg.Wait()
	return got, errors.Join(err, ctx.Err())
}
