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
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// A station is one telephone of the bench, without sound: over UDP with plain
// RTP, or over TLS with SRTP.
type station struct {
	*ua.Endpoint
	addr   netip.AddrPort // for UDP
	codecs []sdp.Codec    // that it speaks; nil: the usual ones
	legs   chan *ua.Leg   // of calls that it answered
}

// newStation runs a telephone until stop is called. office is the authority with
// which it speaks TLS; empty: with none.
func newStation(office office.Fingerprint, codecs ...sdp.Codec) (s *station, stop func() error, err error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s = &station{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), codecs: codecs, legs: make(chan *ua.Leg, 1)}
	cfg := ua.Config{UDP: conn, Host: "localhost", OnInvite: func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: codecs}); err == nil {
			s.legs <- leg
			<-leg.Done()
		}
	}}
	if office != "" {
		cfg.ClientTLS = office.ClientTLS()
	}
	s.Endpoint, err = ua.New(cfg)
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

// transport is that of the station's calls to the office.
func transport(secure bool) string {
	if secure {
		return "tls"
	}
	return "udp"
}

// register registers a at the office until stop is called.
func (s *station) register(ctx context.Context, server string, secure bool, a office.SIPAccount) (stop func(), err error) {
	addr, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	registered, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.RegisterLoop(ctx, ua.RegisterConfig{
			Domain: a.Domain, Transport: transport(secure), Addr: addr, Auth: credentials(a),
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

// call calls uri at addr, where callee answers; nil: somebody else does.
func (s *station) call(ctx context.Context, uri, addr string, secure bool, auth *ua.Credentials, callee *station) (talk, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return talk{}, err
	}
	t := ua.Target{URI: uri, Transport: transport(secure), Addr: a, Auth: auth, Codecs: s.codecs, Secure: secure}
	if auth != nil {
		t.From.Number = office.Number(auth.Username)
	}
	here, err := s.Dial(ctx, t)
	if err != nil {
		return talk{}, fmt.Errorf("calling %s: %w", uri, err)
	}
	if callee == nil {
		return talk{here: here}, nil
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

// A talk is both ends of one call; there may be nobody of ours.
type talk struct{ here, there *ua.Leg }

// legs are the ends of talks that are ours.
func legs(talks []talk) (all []*ua.Leg) {
	for _, t := range talks {
		all = append(all, t.here)
		if t.there != nil {
			all = append(all, t.there)
		}
	}
	return all
}

// A measured is what measure found.
type measured struct {
	delays Delays // of the packets that came
	sent   int
}

// lost is how much of what was sent did not come, in per cent.
func (m measured) lost() float64 { return 100 * float64(m.sent-len(m.delays)) / float64(m.sent) }

// measure sends stamped packets both ways through all talks, fifty each second,
// and returns how long each was on its way.
func measure(ctx context.Context, talks []talk, long time.Duration) (m measured, err error) {
	ends := legs(talks)
	all := make([]Delays, len(ends))
	packets := make([]ua.Packet, len(ends))
	for i, leg := range ends {
		packets[i] = ua.Packet{Payload: make([]byte, 160), SSRC: uint32(i + 1)}
		all[i] = make(Delays, 0, int(long/media.FrameTime)+1)
		leg.Carry(func(p *ua.Packet) {
			if len(p.Payload) >= 8 {
				all[i] = append(all[i], sentAgo(p.Payload))
			}
		})
	}
	err = paced(ctx, len(ends), long, func(i int) error {
		p := &packets[i]
		p.Sequence++
		p.Timestamp += 160
		stamp(p.Payload)
		m.sent++
		return ends[i].WritePacket(p)
	})
	time.Sleep(200 * time.Millisecond) // for the last packets
	for _, leg := range ends {
		leg.Listen(nil)
	}
	m.delays = slices.Concat(all...)
	return m, err
}

// hangUp ends all talks.
func hangUp(ctx context.Context, talks []talk) (err error) {
	for _, t := range talks {
		err = errors.Join(err, t.here.Hangup(ctx))
	}
	return err
}

// speak sends the sound of a tone from all our ends, fifty packets a second, as
// each end's codec has it.
func speak(ctx context.Context, talks []talk, long time.Duration) error {
	ends := legs(talks)
	encoders, packets := make([]media.Encoder, len(ends)), make([]ua.Packet, len(ends))
	tone := make(map[int][]int16) // 20 ms that begin as they end, by their rate
	for i, leg := range ends {
		e, err := media.NewEncoder(leg.Codec().Name)
		if err != nil {
			return err
		}
		tone[e.Rate()] = media.Sine(400, toneLevel).Sound(e.Rate(), 3*media.FrameTime).Samples[e.Rate()/50:][:e.Rate()/50]
		encoders[i], packets[i].SSRC = e, uint32(i+1)
	}
	return paced(ctx, len(ends), long, func(i int) error {
		p := &packets[i]
		p.Sequence++
		p.Timestamp += uint32(ends[i].Codec().Clock / 50)
		p.Payload = encoders[i].Encode(p.Payload[:0], tone[encoders[i].Rate()])
		return ends[i].WritePacket(p)
	})
}

// paced calls send for each of n streams fifty times a second. A twentieth of them
// comes every millisecond: real calls do not speak all at once.
func paced(ctx context.Context, n int, long time.Duration, send func(i int) error) error {
	const step, steps = time.Millisecond, int(media.FrameTime / time.Millisecond)
	for pacer, end := media.NewPacer(time.Now(), step), time.Now().Add(long); time.Now().Before(end); {
		turn, wait := pacer.Next(time.Now())
		time.Sleep(wait)
		for i := int(turn) % steps; i < n; i += steps {
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
