package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// followed are the types that are pulled.
var followed = []local.Type{local.VoicemailType, local.CallType}

// maxEdits is how many changes of the user go out in one request.
const maxEdits = 100

// takeTurn waits until no other sync goes on in this process, and returns what
// lets the next one in.
func (e *Engine) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case e.turn <- struct{}{}:
		return func() { <-e.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// SyncOnce sends the outbox, but what waits for an undo, and fetches all
// changes. Errors: office.ErrSession where a new login is needed, ErrOffline,
// ErrFingerprint, ErrUnavailable.
func (e *Engine) SyncOnce(ctx context.Context) error {
	release, err := e.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	if e.offline {
		return office.ErrOffline
	}
	l, err := e.current()
	if err != nil {
		return err
	}
	e.setStatus(func(s *Status) { s.Syncing = true })
	err = e.sync(ctx, l)
	if errors.Is(err, local.ErrCorrupt) {
		e.log.Error("local copy damaged, building it anew", "err", err)
		if err = e.reload(ctx); err == nil { // local.Open rescues what only we know
			if l, err = e.current(); err == nil {
				err = e.sync(ctx, l)
			}
		}
	}
	e.setStatus(func(s *Status) {
		s.Syncing = false
		if ctx.Err() != nil {
			return // it was not the server's doing
		}
		s.Online, s.Err = err == nil, err
		s.SessionEnded = errors.Is(err, office.ErrSession)
	})
	if err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}

// sync repeats exchanges until both sides agree.
func (e *Engine) sync(ctx context.Context, l *login) error {
	defer e.tell(ctx, l)
	c, err := l.door()
	if err != nil {
		return err
	}
	for stale := 0; ; {
		more, err := e.round(ctx, l, c)
		if errors.Is(err, local.ErrStale) && stale < 3 { // another process was quicker
			stale++
			continue
		}
		if err != nil || !more {
			return err
		}
		e.tell(ctx, l)
	}
}

// A typeCalls holds the ids of the calls that pull one type.
type typeCalls struct {
	since                     string
	changes, created, updated string
}

// round is one exchange: the outbox, then the changes of every type with the
// objects that changed. It returns true where there is more to exchange.
func (e *Engine) round(ctx context.Context, l *login, c *client) (more bool, err error) {
	account := jmap.ID(l.account.ID)
	edits, err := l.mirror.TakeEdits(ctx, e.now(), maxEdits)
	if err != nil {
		return false, err
	}
	r := &jmap.Request{Using: []string{jmap.Core, office.Capability}}
	set := ""
	if len(edits) > 0 {
		set = r.Call(string(local.VoicemailType)+"/set", setArgs(account, edits))
	}
	calls := map[local.Type]typeCalls{}
	var unread []local.Type
	for _, t := range followed {
		since, err := l.mirror.State(ctx, t)
		if err != nil {
			return false, err
		}
		if since == "" {
			unread = append(unread, t)
			continue
		}
		calls[t] = callChanges(r, account, t, since)
	}
	if len(r.Calls) > 0 {
		response, err := e.ask(ctx, l, c, r)
		if err != nil {
			return false, err
		}
		if set != "" {
			settled, err := e.settle(ctx, l, response, set, edits)
			if err != nil {
				return false, err
			}
			more = settled > 0 && e.hasNext(ctx, l)
		}
		for t, k := range calls {
			again, err := takeChanges(ctx, l, response, t, k)
			var refused *jmap.MethodError
			if errors.As(err, &refused) && refused.Type == jmap.CannotCalculateChanges {
				e.log.Info("reading everything anew", "type", t)
				unread = append(unread, t)
			} else if err != nil {
				return false, methodFailure(err)
			}
			more = more || again
		}
	}
	for _, t := range unread {
		if err := e.readAll(ctx, l, c, t); err != nil {
			return false, err
		}
		more = true // what changed meanwhile
	}
	return more, nil
}

// callChanges adds the calls that pull what changed of one type.
func callChanges(r *jmap.Request, account jmap.ID, t local.Type, since string) typeCalls {
	k := typeCalls{since: since}
	name := string(t) + "/changes"
	k.changes = r.Call(name, jmap.ChangesArgs{AccountID: account, SinceState: since})
	get := func(path string) string {
		return r.Call(string(t)+"/get", jmap.GetArgs{AccountID: account, IDsOf: &jmap.ResultReference{ResultOf: k.changes, Name: name, Path: path}})
	}
	k.created, k.updated = get("/created"), get("/updated")
	return k
}

// takeChanges applies the answers to callChanges and returns whether there are
// more changes to ask for.
func takeChanges(ctx context.Context, l *login, response *jmap.Response, t local.Type, k typeCalls) (more bool, err error) {
	var changes jmap.ChangesResponse
	var created, updated jmap.GetResponse
	if err := response.Find(k.changes, &changes); err != nil {
		return false, err
	}
	if err := errors.Join(response.Find(k.created, &created), response.Find(k.updated, &updated)); err != nil {
		return false, err
	}
	page := local.Page{Type: t, Since: k.since, State: changes.NewState, Objects: append(created.List, updated.List...)}
	if page.State == "" || changes.HasMoreChanges && page.State == page.Since {
		return false, fmt.Errorf("%w: changes without a new state", office.ErrUnavailable)
	}
	for _, id := range changes.Destroyed {
		page.Destroyed = append(page.Destroyed, office.ID(id))
	}
	if page.State == page.Since && len(page.Objects)+len(page.Destroyed) == 0 {
		return false, nil
	}
	return changes.HasMoreChanges, l.mirror.Apply(ctx, page)
}

// ask exchanges one JMAP request and fetches the session object again where the
// answer says that it is another one now.
func (e *Engine) ask(ctx context.Context, l *login, c *client, r *jmap.Request) (*jmap.Response, error) {
	session := l.jmapSession()
	var response jmap.Response
	if err := c.exchange(ctx, http.MethodPost, session.APIURL, r, &response); err != nil {
		return nil, err
	}
	if response.SessionState != session.State {
		if err := e.refresh(ctx, l, c); err != nil {
			return nil, err
		}
	}
	return &response, nil
}

// refresh fetches session object and SIP account again and keeps them.
func (e *Engine) refresh(ctx context.Context, l *login, c *client) error {
	var reply sessionReply
	if err := c.exchange(ctx, http.MethodGet, "/v1/sessions/current", nil, &reply); err != nil {
		return err
	}
	if reply.account() != l.account.ID {
		return fmt.Errorf("%w: the session is of another account", office.ErrSession)
	}
	l.mu.Lock()
	known := l.session
	l.session, l.name = reply.Session, reply.name()
	l.mu.Unlock()
	if before := l.secrets(); !sameAccount(before.SIP, reply.SIP) {
		before.SIP = reply.SIP
		if err := l.keeper.save(before); err != nil {
			return err
		}
		e.announce(StatusKind)
	}
	if known.State == reply.Session.State {
		return nil
	}
	record, err := json.Marshal(profileRecord{l.who(), reply.Session})
	if err != nil {
		return err
	}
	return l.mirror.SetMeta(ctx, profileKey, string(record))
}

// sameAccount reports whether a phone would register alike with a and b.
func sameAccount(a, b office.SIPAccount) bool {
	if a.Username != b.Username || a.Password != b.Password || a.Domain != b.Domain || len(a.URIs) != len(b.URIs) {
		return false
	}
	for i := range a.URIs {
		if a.URIs[i] != b.URIs[i] {
			return false
		}
	}
	return true
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

// readAll reads all objects of one type, newest first, so that the top of the
// list is there at once.
func (e *Engine) readAll(ctx context.Context, l *login, c *client, t local.Type) error {
	size := min(jmap.DefaultLimits.MaxObjectsInGet, limitsOf(l).MaxObjectsInGet)
	if _, err := l.mirror.AgainRead(ctx, t); err != nil {
		return err
	}
	for {
		r, err := l.mirror.BeginRead(ctx, t)
		if err != nil {
			return err
		}
		var after *jmap.ID
		if r.After != "" {
			after = (*jmap.ID)(&r.After)
		}
		page, err := e.readPage(ctx, l, c, t, after, size)
		if err != nil {
			return methodFailure(err)
		}
		var last office.ID
		if n := len(page.ids); n > 0 {
			last = office.ID(page.ids[n-1])
		}
		if err := l.mirror.AddRead(ctx, r, page.state, page.objects, last); err != nil {
			return err
		}
		if page.last {
			return l.mirror.EndRead(ctx, r)
		}
		e.tell(ctx, l)
	}
}

func limitsOf(l *login) jmap.Limits {
	session := l.jmapSession()
	return session.Limits()
}

// A readPage is one part of a full read.
type readPage struct {
	state   string
	ids     []jmap.ID
	objects []json.RawMessage
	last    bool
}

// readPage asks for the state, the ids behind last, and their objects.
func (e *Engine) readPage(ctx context.Context, l *login, c *client, t local.Type, last *jmap.ID, size int) (p readPage, err error) {
	account := jmap.ID(l.account.ID)
	r := &jmap.Request{Using: []string{jmap.Core, office.Capability}}
	state := r.Call(string(t)+"/get", jmap.GetArgs{AccountID: account, IDs: []jmap.ID{}})
	args := jmap.QueryArgs{AccountID: account, Limit: &size}
	if last != nil {
		args.Anchor, args.AnchorOffset = last, 1
	}
	name := string(t) + "/query"
	query := r.Call(name, args)
	get := r.Call(string(t)+"/get", jmap.GetArgs{AccountID: account, IDsOf: &jmap.ResultReference{ResultOf: query, Name: name, Path: "/ids"}})
	response, err := e.ask(ctx, l, c, r)
	if err != nil {
		return p, err
	}
	var first, objects jmap.GetResponse
	var ids jmap.QueryResponse
	if err := response.Find(query, &ids); err != nil {
		return p, err
	}
	if err := errors.Join(response.Find(state, &first), response.Find(get, &objects)); err != nil {
		return p, err
	}
	return readPage{first.State, ids.IDs, objects.List, len(ids.IDs) == 0 || ids.Limit == nil && len(ids.IDs) < size}, nil
}
