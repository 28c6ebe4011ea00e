package ua

import (
	"context"

	"github.com/emiago/sipgo/sip"
)

// Notify tells t of an event without having been asked. Of t, the address, the
// parties and headers are taken. A refusal is a *StatusError, no answer until ctx ends
// one with 408, an unreachable address one with 503.
func (e *Endpoint) Notify(ctx context.Context, t Target, event, contentType string, body []byte) error {
	return heard(e.ask(ctx, t, sip.NOTIFY, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Event", event))
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=noresource")) // there is none
		req.AppendHeader(sip.NewHeader("Content-Type", contentType))
		req.SetBody(body)
	}))
}
