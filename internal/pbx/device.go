package pbx

import (
	"context"
	"errors"
	"slices"
	"time"

	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/ua"
)

// returnTime is how long a device that loses its connection while it rings may
// take to register again.
const returnTime = 3 * time.Second

// dialDevice rings a device, and again where it loses its connection and comes
// back.
func (ch *chase) dialDevice(ctx context.Context, m *member, b registrar.Binding, tell func(hunt.Happening, *party)) (*party, hunt.Event) {
	x := ch.c.pbx
	p := &party{who: office.Party{Number: m.ext.Number, Name: m.ext.Name}, ext: &m.ext, device: b.Device, row: m.row, tongue: m.ext.Language, far: protection(ch.secure)}
	p.trace = ch.c.record.trace(m.row, office.CallLeg{Party: p.who, Device: b.Device.Name, DeviceID: b.Device.ID}, x.cfg.Now())
	ctx, cancel := saysElsewhere(ctx)
	defer cancel()
	for {
		leg, err := x.endpoint.Dial(ctx, ch.target(m, p, b, tell))
		if err == nil {
			p.leg = leg
			p.trace.answers(x.cfg.Now(), leg)
			return p, hunt.Event{What: hunt.Answers}
		}
		if again, ok := ch.returned(ctx, m, b); ok {
			b = again
			continue
		}
		ch.c.log.Debug("device not reached", "device", b.Device.ID, "err", err)
		code := refusedWith(err)
		p.trace.ends(x.cfg.Now(), outcomeOf(code), status(code))
		if code/100 == 3 {
			return nil, ch.redirected(ctx, m, err)
		}
		return nil, hunt.Event{What: hunt.Fails, Code: code}
	}
}

// saysElsewhere returns a context that ends as ctx does, with the cause that tells
// a telephone that another one has answered where that is why.
func saysElsewhere(ctx context.Context) (context.Context, func()) {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); errors.Is(cause, hunt.ErrElsewhere) {
			cancel(ua.ErrElsewhere)
		} else {
			cancel(cause)
		}
	})
	return inner, func() { stop(); cancel(nil) }
}

// target says how a device is dialled.
func (ch *chase) target(m *member, p *party, b registrar.Binding, tell func(hunt.Happening, *party)) ua.Target {
	from, host := ch.from, ""
	if from.Number == "" && !b.Device.Session { // ours have words of their own
		from, host = anonymous(from, m.ext.Language), anonymousHost
	}
	return ua.Target{
		URI: b.Contact, Transport: b.Transport, Addr: b.Source, Secure: b.Transport == "tls",
		From: from, FromHost: host, To: p.who, Codecs: ch.codecs, Hops: ch.hops, AutoAnswer: ch.auto,
		Headers:   ua.Headers{office.CallHeader: string(m.row.id()), office.FarMediaHeader: p.far},
		OnRinging: func(int, func(string) string) { tell(hunt.Rings, nil) },
		OnEarly: func(l *ua.Leg) {
			early := *p
			early.leg = l
			tell(hunt.Early, &early)
		},
	}
}

// refusedWith returns the SIP status of an error of Dial, 0 where there is none.
func refusedWith(err error) int {
	var refused *ua.StatusError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if errors.Is(err, office.ErrNoTrunk) {
		return 503
	}
	return 0
}

// returned waits for a device whose binding went with its connection to come
// back.
func (ch *chase) returned(ctx context.Context, m *member, was registrar.Binding) (again registrar.Binding, ok bool) {
	if was.Transport == "udp" || ctx.Err() != nil {
		return again, false
	}
	ctx, stop := context.WithTimeout(ctx, returnTime)
	defer stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		for _, b := range ch.c.pbx.devices(ctx, m.ext.Number, "") {
			switch {
			case b.Contact == was.Contact && b.Source == was.Source:
				return again, false // it is there; its refusal is its own
			case b.Device.ID == was.Device.ID && !slices.ContainsFunc(m.devices, func(o registrar.Binding) bool { return o.Contact == b.Contact && o.Source == b.Source }):
				return b, true
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return again, false
		}
	}
}
