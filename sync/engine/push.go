package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"timbre/sync/jmap"
	"timbre/sync/local"
)

// setArgs returns the arguments of Voicemail/set for edits of different objects.
func setArgs(account jmap.ID, edits []local.Edit) jmap.SetArgs {
	a := jmap.SetArgs{AccountID: account, Update: map[jmap.ID]jmap.Patch{}}
	for _, edit := range edits {
		id := jmap.ID(edit.Object)
		if edit.Action == local.Destroy {
			a.Destroy = append(a.Destroy, id)
			continue
		}
		var patch jmap.Patch
		if json.Unmarshal(edit.Patch, &patch) != nil {
			patch = nil // the server refuses it, and the user is told
		}
		a.Update[id] = patch
	}
	return a
}

// settle ends the edits that the server has answered and returns how many they
// were. An edit that the answer does not mention stays in the outbox.
func (e *Engine) settle(ctx context.Context, l *login, response *jmap.Response, call string, edits []local.Edit) (settled int, err error) {
	var answer jmap.SetResponse
	if err := response.Find(call, &answer); err != nil {
		var refused *jmap.MethodError
		if !errors.As(err, &refused) || !isFinal(refused.Type) {
			return 0, methodFailure(err)
		}
		for _, edit := range edits { // it would be refused again and again: let the user know instead
			if err := l.mirror.Refuse(ctx, edit, refused.Type, e.now()); err != nil {
				return 0, err
			}
		}
		return len(edits), nil
	}
	for _, edit := range edits {
		done, why := outcome(&answer, edit)
		switch {
		case done:
			err = l.mirror.Accept(ctx, edit)
		case why == jmap.NotFound: // deleted elsewhere, which ends all edits of it
			edit.Action = local.Destroy
			err = l.mirror.Accept(ctx, edit)
		case why == "" || why == jmap.RateLimit:
			continue
		default:
			e.log.Info("change refused", "type", edit.Type, "id", edit.Object, "reason", why)
			err = l.mirror.Refuse(ctx, edit, why, e.now())
		}
		if err != nil {
			return settled, err
		}
		settled++
	}
	return settled, nil
}

// isFinal reports whether a method error would come again.
func isFinal(kind string) bool {
	switch kind {
	case jmap.InvalidArguments, jmap.UnknownMethod, jmap.Forbidden, jmap.RequestTooLarge:
		return true
	}
	return false
}

// outcome returns what the answer says of one edit: done, or the type of the
// error, or neither.
func outcome(answer *jmap.SetResponse, edit local.Edit) (done bool, why string) {
	id := jmap.ID(edit.Object)
	if edit.Action == local.Destroy {
		return slices.Contains(answer.Destroyed, id), answer.NotDestroyed[id].Type
	}
	_, done = answer.Updated[id]
	return done, answer.NotUpdated[id].Type
}

// hasNext reports whether an edit can be sent right now.
func (e *Engine) hasNext(ctx context.Context, l *login) bool {
	due, waits, err := l.mirror.NextDue(ctx)
	return err == nil && waits && !due.After(e.now())
}
