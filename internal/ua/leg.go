package ua

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/rtp"
	"timbre/internal/sdp"
)

// A dialog is what diago's sessions of both roles have in common: the state of the
// dialog, and the numbers of the far side's requests (RFC 3261 §12). Our own requests
// are the leg's: several goroutines send them.
type dialog interface {
	ReadBye(req *sip.Request, tx sip.ServerTransaction) error
	ReadRequest(req *sip.Request, tx sip.ServerTransaction) error
	LoadState() sip.DialogState
}

// A Leg is one side of a call that is answered, or that has sound before: its sound in packets, its digits, its
// end. It is safe for concurrent use.
type Leg struct {
	e        *Endpoint
	callID   string
	localTag string
	sound    *rtp.Session
	server   bool         // the far side called
	dialing  sync.Mutex   // held while a digit is sent
	auth     *Credentials // of who dialled; nil: a challenge is a failure
	refuse   func()       // refuses an incoming call that is not answered; nil: we called

	receiving sync.Once                 // of receive
	codec     atomic.Pointer[sdp.Codec] // set by the first agreement
	secure    atomic.Bool
	parted    atomic.Bool // BYE is being sent, or was

	// Set before up is closed and constant then.
	up        chan struct{} // closed when the call is answered and the rest is set
	dialog    dialog
	remoteTag string
	routes    []sip.Header // route set
	contact   sip.Uri      // our own
	from      *sip.FromHeader
	to        *sip.ToHeader

	refers chan *Refer   // capacity 1
	holds  chan struct{} // capacity 1: held has changed
	held   atomic.Bool   // the far side wants to hear nothing

	acks   chan struct{} // capacity 1: ack has changed
	acked  chan struct{} // of a server: closed when the ACK of its first 2xx came, or will not
	change chan struct{} // capacity 1: full while the session is being changed

	sending sync.Mutex
	cseq    uint32 // of our last request; guarded by sending

	mu     sync.Mutex
	takes  []sdp.Codec // in which the call may be held; guarded by mu
	path   path        // changes only while up, see rejoin.go; guarded by mu
	target sip.Uri     // where requests are addressed to; guarded by mu
	local  sdp.Local
	ack    *sip.Request // the newest ACK of a 2xx of ours; guarded by mu
	ended  bool
	cause  Cause

	holding   bool     // the far side shall send nothing; guarded by mu
	referring *Refer   // open; nil: none; guarded by mu
	referred  bool     // there was a REFER before; guarded by mu
	outcome   chan int // of our own REFER; nil: none is open; guarded by mu

	telling sync.WaitGroup // what BYE must not overtake; Add under mu while not ended

	digits chan rune     // closed under mu
	done   chan struct{} // closed at the end
	closed chan struct{} // closed when the dialog is gone too: nothing more is sent
	close1 sync.Once
	probe  *time.Timer // see alive.go; guarded by mu
}

// maxLegs bounds the calls of one endpoint.
const maxLegs = 4096

// legKey names a leg by what every request within its dialog carries.
func legKey(callID, localTag string) string { return callID + "\n" + localTag }

// newLeg makes a leg on p and remembers it under its Call-ID and our tag.
func (e *Endpoint) newLeg(p path, callID, localTag string) (*Leg, error) {
	snd, err := rtp.Open(e.ports, p.local, p.name.Addr(), p.peer.Addr())
	if err != nil {
		return nil, err
	}
	l := &Leg{
		e: e, callID: callID, localTag: localTag, path: p, sound: snd,
		refers: make(chan *Refer, 1), holds: make(chan struct{}, 1),
		up: make(chan struct{}), acks: make(chan struct{}, 1), change: make(chan struct{}, 1), acked: make(chan struct{}),
		digits: make(chan rune, 32), done: make(chan struct{}), closed: make(chan struct{}),
	}
	e.mu.Lock()
	full := e.closed || len(e.legs) >= maxLegs
	if !full {
		e.legs[legKey(callID, localTag)] = l
	}
	e.mu.Unlock()
	if full {
		snd.Close()
		return nil, &StatusError{Code: 503, Reason: "Too Many Calls"}
	}
	return l, nil
}

// find returns the leg to whose dialog req belongs, or nil, and lets it follow the
// far side. A leg whose 200 is being worked on is waited for: the far side may be
// quicker than we.
func (e *Endpoint) find(req *sip.Request) *Leg {
	localTag, ok := req.To().Params.Get("tag")
	if !ok {
		return nil
	}
	e.mu.Lock()
	l := e.legs[legKey(req.CallID().Value(), localTag)]
	e.mu.Unlock()
	if l == nil {
		return nil
	}
	if !l.answeredWithin(time.Second) {
		return nil
	}
	if tag, _ := req.From().Params.Get("tag"); tag != l.remoteTag {
		return nil
	}
	e.prove(req)
	l.follow(req)
	return l
}

// answeredWithin waits for the answer, but not longer than d.
func (l *Leg) answeredWithin(d time.Duration) bool {
	select {
	case <-l.up: // nearly always
		return true
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.up:
		return true
	case <-l.closed:
	case <-t.C:
	}
	return false
}

// settled takes over an agreement.
func (l *Leg) settled(a agreement) error {
	if err := l.sound.Agree(a.far, a.formats, a.ours, a.theirs); err != nil {
		return err
	}
	l.receive()
	l.codec.Store(&a.formats.Codec)
	l.secure.Store(a.ours != nil)
	l.mu.Lock()
	l.local = a.local
	l.mu.Unlock()
	if held := a.far.OnHold(); l.held.Swap(held) != held {
		select {
		case l.holds <- struct{}{}:
		default: // it wakes anyway
		}
	}
	return nil
}

// ID returns the Call-ID.
func (l *Leg) ID() string { return l.callID }

// Codec returns the negotiated sound codec with the payload type in which we send.
// Either side may change it during the call.
func (l *Leg) Codec() sdp.Codec {
	if c := l.codec.Load(); c != nil {
		return *c
	}
	return sdp.Codec{}
}

// Secure reports whether the leg's packets are SRTP.
func (l *Leg) Secure() bool { return l.secure.Load() }

// A Packet is one RTP packet without its wrapping.
type Packet = rtp.Packet

// Stats counts what a leg has carried.
type Stats = rtp.Stats

// Listen hands every packet from now on to hear, sound and events, from one
// goroutine of the leg; nil: they are dropped. p and its payload are valid during
// the call of hear only. When Listen returns, the hear of before is not running any
// more; so hear must not call Listen of its own leg. A panic in hear ends the leg.
func (l *Leg) Listen(hear func(p *Packet)) { l.sound.Listen(hear) }

// Carry is Listen for a hear that never waits: with many calls it costs a third
// less.
func (l *Leg) Carry(hear func(p *Packet)) { l.sound.Carry(hear) }

// receive reads what arrives, from the first agreement to the leg's end.
func (l *Leg) receive() {
	l.receiving.Do(func() {
		l.e.spawn("media", func() {
			defer func() {
				if !l.over() { // whoever listens has panicked
					l.e.spawnTalk("hang-up", func() { l.hangup(l.e.dead, Cause{Code: 500}) })
				}
			}()
			l.sound.Run(l.press)
		})
	})
}

// WritePacket sends p at once. Sequence, Timestamp and SSRC of p belong to its
// source; when the source (the SSRC) changes, the leg's own numbers go on without
// a gap. Events get the leg's own payload type and are dropped where it has none;
// while the far side holds the call nothing is sent, which is no error. It
// returns ErrClosed after the leg's end.
func (l *Leg) WritePacket(p *Packet) error {
	if err := l.sound.Write(p); errors.Is(err, net.ErrClosed) {
		return ErrClosed
	} else if err != nil {
		return err
	}
	return nil
}

// Digits delivers the digits that the far side presses, from telephone events and
// INFO, each once: 0-9 * # A-D. It is closed at the leg's end. Digits that nobody
// reads are dropped after 32.
func (l *Leg) Digits() <-chan rune { return l.digits }

// press delivers a digit.
func (l *Leg) press(digit rune) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	select {
	case l.digits <- digit:
	default:
	}
}

// SendDigit sends one digit as a telephone event of 100 ms, or as INFO where the
// far side takes no events. It blocks for the event's duration.
func (l *Leg) SendDigit(ctx context.Context, digit rune) error {
	if !rtp.IsDigit(digit) {
		return &StatusError{Code: 400, Reason: "No Digit"}
	}
	l.dialing.Lock()
	defer l.dialing.Unlock()
	sent, err := l.sound.SendDigit(digit, func(d time.Duration) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			return ErrClosed
		}
	})
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	if sent || err != nil {
		return err
	}
	return l.sendInfo(ctx, digit)
}

// Done is closed at the leg's end.
func (l *Leg) Done() <-chan struct{} { return l.done }

// Acknowledged is closed once the far side of a call that came in has acknowledged our
// answer: it is where it says to be. Where it does not, that is after Done.
func (l *Leg) Acknowledged() <-chan struct{} { return l.acked }

// A Cause is how a leg ended.
type Cause struct {
	Code     int // 200 for a plain hang-up, else a SIP status such as 408
	ByRemote bool
}

// Cause returns how the leg ended; the zero Cause while it has not.
func (l *Leg) Cause() Cause {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// Stats returns the counts so far.
func (l *Leg) Stats() Stats { return l.sound.Stats() }

// finish ends the leg for its users. It reports false where it had ended.
func (l *Leg) finish(c Cause) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.ended, l.cause = true, c
	if l.probe != nil {
		l.probe.Stop()
	}
	close(l.digits)
	close(l.done)
	l.mu.Unlock()
	l.sound.Close()
	return true
}

// forget ends the leg's dialog: no request finds it any more.
func (l *Leg) forget() {
	l.e.mu.Lock()
	if key := legKey(l.callID, l.localTag); l.e.legs[key] == l {
		delete(l.e.legs, key)
	}
	l.e.mu.Unlock()
	l.close1.Do(func() { close(l.closed) })
}

// Hangup ends the leg: Done is closed at once, BYE is sent and its answer waited
// for until ctx ends. Hanging up twice, or after the far side did, is no error. A
// call that is not answered yet is refused or canceled instead.
func (l *Leg) Hangup(ctx context.Context) error {
	return l.hangup(ctx, Cause{Code: 200})
}

func (l *Leg) hangup(ctx context.Context, c Cause) error {
	if !l.finish(c) {
		return nil
	}
	select {
	case <-l.up:
		return l.part(ctx)
	default: // whoever dials sees that the leg is over
	}
	if l.refuse != nil {
		l.refuse()
	}
	return nil
}

// part sends BYE once for a leg that was answered and is over.
func (l *Leg) part(ctx context.Context) error {
	if !l.parted.CompareAndSwap(false, true) {
		return nil
	}
	sent := make(chan error, 1)
	if !l.e.spawnTalk("bye", func() { sent <- l.bye() }) {
		l.forget()
		return ErrClosed
	}
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// byeTime bounds a BYE: the ACK that must come first, and its own answer.
const byeTime = 64 * time.Second

// bye sends BYE and forgets the leg. It may wait for the ACK that must come first.
func (l *Leg) bye() error {
	defer l.forget()
	ctx, cancel := context.WithTimeout(l.e.dead, byeTime)
	defer cancel()
	if l.server {
		select {
		case <-l.acked: // the session would look only twice a second
		case <-ctx.Done():
		}
	}
	l.telling.Wait() // seconds at most
	res, err := l.do(ctx, sip.BYE, nil)
	l.conclude()
	if err == nil {
		err = refused(res)
	}
	return err
}

// conclude ends diago's session. It believes in the call until a BYE is answered, and
// diago would send one more: it reads one instead.
func (l *Leg) conclude() {
	if l.dialog.LoadState() == sip.DialogStateEnded {
		return
	}
	bye := sip.NewRequest(sip.BYE, sip.Uri{})
	bye.AppendHeader(&sip.CSeqHeader{SeqNo: math.MaxInt32, MethodName: sip.BYE})
	l.dialog.ReadBye(bye, nobody{}) // fails where the session has ended meanwhile
}

// nobody is the transaction of a request that nobody sent.
type nobody struct{ sip.ServerTransaction }

func (nobody) Respond(*sip.Response) error { return nil }

// reconnect makes the connection anew where it broke during the call: a phone that
// changed its network can still hang up. Where it cannot, sending will say so.
func (l *Leg) reconnect(ctx context.Context) {
	if way := l.way(); way.stream != nil {
		l.e.connect(ctx, way.network, way.peer)
	}
}
