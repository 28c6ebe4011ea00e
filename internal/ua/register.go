package ua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A RegisterConfig says where and as whom a phone registers.
type RegisterConfig struct {
	Domain    string         // host of the address of record
	Transport string         // "udp", "tcp" or "tls"
	Addr      netip.AddrPort // the registrar
	// Resolve, where given, is asked for the registrar before every attempt that
	// follows a failure, and the first, in place of Addr.
	Resolve func(ctx context.Context) (netip.AddrPort, error)
	Auth    Credentials
	User    string        // of the address of record; empty: Auth.Username
	Contact string        // user part of our Contact; empty: Auth.Username
	Expires time.Duration // asked for; 0: 10 min
	// OnState is told of every change, from the goroutine of RegisterLoop.
	OnState func(RegisterState)
}

// A RegisterState is how a phone stands with its registrar.
type RegisterState struct {
	Phase   RegisterPhase
	Status  int            // SIP status of a failure, 0 where there was no answer
	Err     error          // why Failed
	RetryIn time.Duration  // until the next try, where Failed
	Expires time.Duration  // granted, where Registered
	Addr    netip.AddrPort // the registrar, where Registered
}

// A RegisterPhase is the word for a RegisterState.
type RegisterPhase string

// The phases of a registration.
const (
	Registering  RegisterPhase = "registering"
	Registered   RegisterPhase = "registered"
	Failed       RegisterPhase = "failed"
	Unregistered RegisterPhase = "unregistered"
)

// The times of the register loop.
const (
	registerTime   = 10 * time.Second // for one attempt
	unregisterTime = 2 * time.Second
	minRetry       = time.Second
	maxRetry       = time.Minute
	keepAlive      = 25 * time.Second // between CRLFs on a stream, or UDP's refresh of a NAT
	pongTime       = 10 * time.Second // RFC 5626 §4.4.1
)

// A registering is one run of RegisterLoop.
type registering struct {
	e       *Endpoint
	cfg     RegisterConfig
	addr    netip.AddrPort
	path    path
	contact sip.Uri
	callID  string
	tag     string
	cseq    uint32
	proof   proof
	failed  int // in a row
}

// RegisterLoop keeps cfg's device registered until ctx ends, then takes its own
// contact back (never another's), for at most 2 s, and returns nil. Failures are
// tried again after 1 s to 60 s with jitter; none ends the loop. A connection that
// breaks, or no longer answers keep-alives, is made anew at once. RegisterLoop
// returns an error at once where cfg makes no sense or the endpoint is closed.
func (e *Endpoint) RegisterLoop(ctx context.Context, cfg RegisterConfig) error {
	switch {
	case cfg.Domain == "" || cfg.Auth.Username == "":
		return errors.New("registering needs a domain and a user")
	case cfg.Transport != "udp" && cfg.Transport != "tcp" && cfg.Transport != "tls":
		return fmt.Errorf("registering over %q: %w", cfg.Transport, errNoSocket)
	}
	if cfg.Expires <= 0 {
		cfg.Expires = 10 * time.Minute
	}
	if cfg.User == "" {
		cfg.User = cfg.Auth.Username
	}
	if cfg.Contact == "" {
		cfg.Contact = cfg.Auth.Username
	}
	if cfg.OnState == nil {
		cfg.OnState = func(RegisterState) {}
	}
	r := &registering{e: e, cfg: cfg, addr: cfg.Addr, callID: newToken(), tag: newToken()}
	if err := e.serving(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for ctx.Err() == nil && e.ctx.Err() == nil {
		r.watch(ctx, r.round(ctx))
	}
	r.leave()
	cfg.OnState(RegisterState{Phase: Unregistered})
	return nil
}

// round registers once, tells how it went and returns the time until the next.
func (r *registering) round(ctx context.Context) time.Duration {
	if r.failed > 0 || r.cseq == 0 {
		r.cfg.OnState(RegisterState{Phase: Registering})
	}
	tctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	granted, retryAfter, err := r.register(tctx)
	if ctx.Err() != nil {
		return 0
	}
	if err == nil {
		r.failed = 0
		r.e.rejoin(r.path)
		r.cfg.OnState(RegisterState{Phase: Registered, Expires: granted, Addr: r.addr})
		return refreshAfter(granted)
	}
	r.failed++
	r.proof = proof{}
	wait := backOff(r.failed, retryAfter)
	st := RegisterState{Phase: Failed, Err: err, RetryIn: wait}
	var refused *StatusError
	if errors.As(err, &refused) {
		st.Status = refused.Code
	}
	r.e.log.Info("registration failed", "status", st.Status, "err", err, "retry_in", wait)
	r.cfg.OnState(st)
	return wait
}

// refreshAfter is when a registration of that length is renewed: with time for
// two failures before it ends, and not all phones at once.
func refreshAfter(granted time.Duration) time.Duration {
	d := granted * 3 / 4
	if d > time.Minute {
		d -= rand.N(d / 10)
	}
	return max(d, time.Second)
}

// backOff is the pause after so many failures in a row: doubled from 1 s to 60 s,
// with half of it left to chance, and no shorter than the registrar asked for.
func backOff(failed int, retryAfter time.Duration) time.Duration {
	d := min(minRetry<<min(failed-1, 10), maxRetry)
	d = d/2 + rand.N(d/2+1)
	return min(max(d, retryAfter, minRetry), max(maxRetry, retryAfter))
}

// watch waits for d, or until ctx, the endpoint or the connection ends. It sends
// keep-alives meanwhile.
func (r *registering) watch(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	over := time.NewTimer(d)
	defer over.Stop()
	if r.failed > 0 {
		select {
		case <-over.C:
		case <-ctx.Done():
		case <-r.e.ctx.Done():
		}
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	pong := time.NewTimer(time.Hour)
	defer pong.Stop()
	var closed, pongs <-chan struct{} // nil over UDP, where keep-alives have no answer
	if s := r.path.stream; s != nil {
		closed, pongs = s.closed, s.pongs
	}
	for {
		select {
		case <-over.C:
			return
		case <-ctx.Done():
			return
		case <-r.e.ctx.Done():
			return
		case <-closed:
			r.e.log.Info("connection to the registrar lost")
			return
		case <-alive.C:
			if r.ping() {
				pong.Reset(pongTime)
			}
		case <-pongs:
			pong.Reset(time.Hour)
		case <-pong.C:
			r.path.stream.Close()
		}
	}
}

// ping sends a keep-alive and reports whether an answer must come.
func (r *registering) ping() bool {
	if s := r.path.stream; s != nil {
		_, err := s.Write([]byte("\r\n\r\n"))
		return err == nil
	}
	r.e.udp.WriteTo([]byte("\r\n\r\n"), net.UDPAddrFromAddrPort(r.addr)) // only the NAT on the way must see it
	return false
}

// register makes one registration: with the last proof where there is one,
// answering a challenge once, taking over the shortest expiry where ours is too
// brief.
func (r *registering) register(ctx context.Context) (granted, retryAfter time.Duration, err error) {
	if r.cfg.Resolve != nil && (r.failed > 0 || r.cseq == 0) {
		if r.addr, err = r.cfg.Resolve(ctx); err != nil {
			return 0, 0, err
		}
	}
	if r.path, err = r.e.path(ctx, r.cfg.Transport, r.addr); err != nil {
		return 0, 0, err
	}
	r.contact = r.path.uri(r.cfg.Contact)
	challenges := 0
	for range 4 {
		res, err := r.send(ctx, r.cfg.Expires)
		if err != nil {
			return 0, 0, err
		}
		p, challenged := r.cfg.Auth.challenged(res)
		switch {
		case res.IsSuccess():
			return r.granted(res), 0, nil
		case challenged && (challenges == 0 || challenges == 1 && strings.EqualFold(p.challenge["stale"], "true")):
			challenges++
			r.proof = p
			continue
		case res.StatusCode == 423:
			if m := seconds(header(res, "Min-Expires")); m > r.cfg.Expires {
				r.cfg.Expires = m
				continue
			}
		}
		return 0, pauseOf(res), refused(res)
	}
	return 0, 0, &StatusError{Code: 423, Reason: "Interval Too Brief"}
}

// granted returns the expiry that res gives our own contact.
func (r *registering) granted(res *sip.Response) time.Duration {
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || c.Address.User != r.contact.User || !strings.EqualFold(c.Address.Host, r.contact.Host) || c.Address.Port != r.contact.Port {
			continue
		}
		if v, has := c.Params.Get("expires"); has {
			if d := seconds(v); d > 0 {
				return d
			}
		}
	}
	if d := seconds(header(res, "Expires")); d > 0 {
		return d
	}
	return r.cfg.Expires
}

// send sends one REGISTER for our own contact and returns the final response.
func (r *registering) send(ctx context.Context, expires time.Duration) (*sip.Response, error) {
	r.cseq++
	uri := sip.Uri{Scheme: "sip", Host: r.cfg.Domain}
	aor := sip.Uri{Scheme: "sip", User: r.cfg.User, Host: r.cfg.Domain}
	req := r.e.routed(sip.NewRequest(sip.REGISTER, uri), r.path)
	from := &sip.FromHeader{Address: aor}
	from.Params.Add("tag", r.tag)
	maxForwards := sip.MaxForwardsHeader(DefaultHops)
	callID := sip.CallIDHeader(r.callID)
	for _, h := range []sip.Header{
		&maxForwards, from, &sip.ToHeader{Address: aor}, &callID, &sip.CSeqHeader{SeqNo: r.cseq, MethodName: sip.REGISTER},
		&sip.ContactHeader{Address: r.contact}, sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))),
	} {
		req.AppendHeader(h)
	}
	if r.proof.challenge != nil {
		req.AppendHeader(sip.NewHeader(r.cfg.Auth.prove(&r.proof, "REGISTER", uri.String())))
	}
	r.e.sign(req)
	req.SetBody(nil)
	tx, err := r.e.client.TransactionRequest(ctx, req, asBuilt)
	if err != nil {
		return nil, err
	}
	return final(ctx, tx)
}

// leave takes our own contact back.
func (r *registering) leave() {
	if r.failed > 0 || r.cseq == 0 || r.contact.Host == "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.e.dead, unregisterTime)
	defer cancel()
	for range 2 {
		res, err := r.send(ctx, 0)
		if err != nil || res.IsSuccess() {
			return
		}
		p, challenged := r.cfg.Auth.challenged(res)
		if !challenged {
			return
		}
		r.proof = p
	}
}

// pauseOf returns the pause that res asks for, 0 where it says nothing.
func pauseOf(res *sip.Response) time.Duration {
	after, _, _ := strings.Cut(header(res, "Retry-After"), ";")
	after, _, _ = strings.Cut(after, "(")
	return max(seconds(strings.TrimSpace(after)), 0)
}
