package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// An exchange is one sync: all that goes to and fro until both sides agree. It
// is used by one goroutine.
type exchange struct {
	e      *Engine
	l      *login
	client *client

	settled  int                               // edits that a round ended
	growing  bool                              // the directory is being read: there is more of it than the mirror has
	races    int                               // how often settings were changed by others in this very moment
	anew     map[local.Type]int                // how often a type was begun to be read anew
	places   map[local.Type]*circle[office.ID] // where the full read of a type has been
	states   map[local.Type]*circle[string]    // which states of a type came, of which each was said not to be the last
	idle     map[local.Type]int                // how many of those brought nothing, one after the other
	waiting  []local.Edit                      // that want an upload first
	uploaded map[int64]bool                    // edits whose files went up in this sync
	failed   error                             // why an upload did not work; nothing is uploaded any more
}

// A part is what a request does about one type.
type part struct {
	of local.Type
	// add adds its calls to a request.
	add func(*jmap.Request)
	// take does what the answers say, and returns whether there is more to ask
	// for.
	take func(context.Context, *jmap.Response) (more bool, err error)
}

// Limits of an exchange.
const (
	maxEdits     = 100 // changes of the user in one request
	pagesBetween = 32  // pages of a full read between two looks at what changed
	maxStale     = 3   // how often another process may be quicker
	maxRaces     = 5   // how often other devices may be
	maxAnew      = 3   // how often a full read may be in vain
	maxIdle      = 64  // changes without an object that are followed by more
)

// newExchange returns an exchange that has said nothing yet.
func newExchange(e *Engine, l *login, c *client) *exchange {
	return &exchange{
		e: e, l: l, client: c,
		uploaded: map[int64]bool{}, anew: map[local.Type]int{}, idle: map[local.Type]int{},
		places: map[local.Type]*circle[office.ID]{}, states: map[local.Type]*circle[string]{},
	}
}

// run repeats rounds until both sides agree and full reads are complete. What
// changes meanwhile, here or there, does not wait for their end.
func (x *exchange) run(ctx context.Context) error {
	for stale := 0; ; {
		going, err := x.turn(ctx)
		if errors.Is(err, local.ErrStale) && stale < maxStale {
			stale++
			continue
		}
		if errors.Is(err, errTooLarge) {
			continue
		}
		if err != nil || !going {
			return err
		}
	}
}

// turn is a round, and where that says all that there is to say, the uploads that
// it left or the next pages of full reads; going is false where nothing is left to
// do.
func (x *exchange) turn(ctx context.Context) (going bool, err error) {
	more, reading, err := x.round(ctx)
	if err != nil {
		return false, err
	}
	x.e.setStatus(func(s *Status) { s.Online, s.Err, s.SessionEnded = true, nil, false })
	x.e.tell(ctx, x.l)
	if more {
		return true, nil
	}
	sent, err := x.upload(ctx)
	switch {
	case err != nil || sent:
		return sent, err
	case !reading:
		return false, x.failed
	}
	wake(x.e.tasks.blobs)
	return true, x.history(ctx)
}

// round goes through all that there is to say once, in one request if the
// server's limits allow: the outbox, then what changed of every type, and the next
// page of those that are being read in full.
func (x *exchange) round(ctx context.Context) (more, reading bool, err error) {
	parts, err := x.edits(ctx)
	if err != nil {
		return false, false, err
	}
	for _, t := range local.Singletons {
		if !x.l.lacks(t) {
			parts = append(parts, x.setting(t))
		}
	}
	for _, t := range local.Lists {
		if x.l.lacks(t) {
			continue
		}
		p, full, err := x.list(ctx, t)
		if err != nil {
			return false, false, err
		}
		reading = reading || full
		parts = append(parts, p...)
	}
	later := x.growing && x.e.presenceWanted() // when it is known of whom to ask
	if !later && x.e.presenceWanted() {
		p, err := x.presence(ctx)
		if err != nil {
			return false, false, err
		}
		parts = append(parts, p...)
	}
	x.settled, x.growing = 0, false
	more, err = x.send(ctx, parts)
	return more || later || x.settled > 0 && x.e.hasNext(ctx, x.l), reading, err
}

// send exchanges parts, in as few requests as the server allows.
func (x *exchange) send(ctx context.Context, parts []part) (more bool, err error) {
	most := limitsOf(x.l).MaxCallsInRequest
	for len(parts) > 0 {
		r := &jmap.Request{Using: []string{jmap.Core, office.Capability}}
		n := 0
		for ; n < len(parts); n++ {
			before := len(r.Calls)
			if parts[n].add(r); len(r.Calls) > most && n > 0 {
				r.Calls = r.Calls[:before]
				break
			}
		}
		response, err := x.ask(ctx, r)
		if err != nil {
			return false, err
		}
		again, err := x.take(ctx, parts[:n], response)
		if err != nil {
			return false, err
		}
		more, parts = more || again, parts[n:]
	}
	return more, nil
}

// take lets each part do its own; what one fails at does not keep the others from
// it.
func (x *exchange) take(ctx context.Context, parts []part, response *jmap.Response) (more bool, all error) {
	for _, p := range parts {
		again, err := p.take(ctx, response)
		more = more || again
		x.growing = x.growing || again && p.of == local.ExtensionType
		if isMethodError(err, jmap.UnknownMethod) {
			x.e.log.Info("type not offered by the server", "type", p.of)
			x.l.miss(p.of)
			continue
		}
		all = errors.Join(all, methodFailure(err))
	}
	return more, all
}

// ask exchanges one JMAP request and fetches the session object again where the
// answer says that it is another one now.
func (x *exchange) ask(ctx context.Context, r *jmap.Request) (*jmap.Response, error) {
	session := x.l.jmapSession()
	var response jmap.Response
	err := x.client.exchange(ctx, http.MethodPost, session.APIURL, r, &response)
	if errors.Is(err, office.ErrLimit) {
		return nil, x.l.shrink()
	}
	if err != nil {
		return nil, err
	}
	if response.SessionState != session.State {
		if err := x.e.refresh(ctx, x.l, x.client); err != nil {
			return nil, err
		}
	}
	return &response, nil
}

// methodFailure returns what a method error means to the user.
func methodFailure(err error) error {
	var refused *jmap.MethodError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Type == jmap.AccountNotFound {
		return fmt.Errorf("%w: %w", office.ErrSession, err)
	}
	return fmt.Errorf("%w: %w", office.ErrUnavailable, err)
}

// isMethodError reports whether err is a MethodError of the given kind.
func isMethodError(err error, kind string) bool {
	var refused *jmap.MethodError
	return errors.As(err, &refused) && refused.Type == kind
}

// limitsOf returns what one request may ask for.
func limitsOf(l *login) jmap.Limits {
	l.mu.Lock()
	defer l.mu.Unlock()
	limits := l.session.Limits()
	for _, most := range []*int{&limits.MaxCallsInRequest, &limits.MaxObjectsInGet, &limits.MaxObjectsInSet} {
		*most = max(1, *most>>l.halved)
	}
	return limits
}

// errTooLarge says that the next request will be smaller.
var errTooLarge = errors.New("the request is too large")

// maxHalved is how often requests are made smaller: then hardly anything is left.
const maxHalved = 9

// shrink makes the requests half as large: the server, or what stands before it,
// takes less than it says. It returns errTooLarge, or office.ErrUnavailable where
// they are as small as can be.
func (l *login) shrink() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.halved == maxHalved {
		return fmt.Errorf("%w: it takes no request at all", office.ErrUnavailable)
	}
	l.halved++
	return errTooLarge
}
