package pbx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/internal/bridge"
	"timbre/internal/office"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// A refusal is why a call does not come about.
type refusal struct {
	code   int              // SIP status
	prompt voicemail.Prompt // what the caller hears of it; empty: nothing
}

// reason is what the log and the caller's phone keep of it: more than the status
// where many things have the same.
func (r *refusal) reason() string {
	switch r.prompt {
	case voicemail.TooManyCalls:
		return office.TooManyCalls
	case voicemail.MinutesUsed:
		return office.MinutesUsed
	case voicemail.NoTrunk, voicemail.EmergencyUnavailable:
		return office.NoTrunk
	}
	return status(r.code)
}

// words is what a telephone shows of a refusal that was spoken.
var words = map[voicemail.Prompt]map[office.Language]string{
	voicemail.NotAllowed: {
		office.Spanish: "Su extensión no puede llamar a este número; pregunte a su administrador",
		office.English: "Your extension may not call this number; ask your administrator",
	},
	voicemail.TooManyCalls: {
		office.Spanish: "Su extensión tiene demasiadas llamadas externas; pregunte a su administrador",
		office.English: "Your extension has too many outside calls; ask your administrator",
	},
	voicemail.MinutesUsed: {
		office.Spanish: "Los minutos externos de hoy se agotaron; pregunte a su administrador",
		office.English: "Today's outside minutes are used up; ask your administrator",
	},
	voicemail.NoTrunk: {
		office.Spanish: "Ninguna línea externa funciona ahora; avise a su administrador",
		office.English: "No outside line works now; tell your administrator",
	},
	voicemail.EmergencyUnavailable: {
		office.Spanish: "Ninguna línea externa funciona: llame desde un celular",
		office.English: "No outside line works: call from a mobile",
	},
	voicemail.NotFound: {
		office.Spanish: "No existe ese número",
		office.English: "There is no such number",
	},
	voicemail.NoAnswer: {
		office.Spanish: "Nadie contesta",
		office.English: "Nobody answers",
	},
}

// sayTime bounds what is spoken to somebody who is then refused.
const sayTime = 30 * time.Second

// refuse ends the call of o with the reason, which is also spoken.
func (c *call) refuse(ctx context.Context, o *origin, r *refusal) {
	o.row.ends(outcomeOf(r.code), r.reason())
	if o.trace != nil {
		o.trace.ends(c.pbx.cfg.Now(), outcomeOf(r.code), r.reason())
	}
	c.say(ctx, o, r.prompt)
	if o.in == nil {
		return
	}
	if ctx.Err() != nil && c.pbx.halt.Err() != nil {
		r = &refusal{code: 503}
	}
	h := o.headers("")
	if o.row != nil { // one of ours
		h[office.ReasonHeader] = r.reason()
	}
	if text := words[r.prompt][o.tongue]; text != "" {
		h["Reason"] = fmt.Sprintf(`SIP;cause=%d;text="%s"`, r.code, text)
	}
	c.pbx.reject(o.in, r.code, h)
}

// say speaks a prompt to o, before it is answered too where it can hear that and is
// where it says to be.
func (c *call) say(ctx context.Context, o *origin, prompt voicemail.Prompt) {
	if prompt == "" || ctx.Err() != nil || o.veiled && !o.answered() {
		return
	}
	o.silence()
	if o.leg == nil {
		leg, err := o.in.Progress(ctx, ua.AnswerOptions{Codecs: withEvents(o.in.Codecs(), spoken()), Headers: o.headers("")})
		if err != nil {
			return // it reads the reason
		}
		o.leg = leg
	}
	ctx, cancel := context.WithTimeout(ctx, sayTime)
	defer cancel()
	err := bridge.Converse(ctx, o.leg, func(ctx context.Context, v *bridge.Voice) error {
		return c.pbx.box.Say(ctx, v, prompt, o.tongue)
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		c.log.Warn("prompt not spoken", "prompt", prompt, "err", err)
	}
}

// isOver reports whether a leg has ended.
func isOver(leg *ua.Leg) bool {
	select {
	case <-leg.Done():
		return true
	default:
		return false
	}
}
