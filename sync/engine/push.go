package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// edits returns the parts that send what can be sent of the outbox, one for each
// type. What wants an upload first is left to upload.
func (x *exchange) edits(ctx context.Context) ([]part, error) {
	all, err := x.l.mirror.TakeEdits(ctx, x.e.now(), min(maxEdits, limitsOf(x.l).MaxObjectsInSet))
	if err != nil {
		return nil, err
	}
	x.waiting = nil
	var parts []part
	for _, t := range slices.Concat(local.Singletons, local.Lists) {
		var edits []local.Edit
		for _, edit := range all {
			switch {
			case edit.Type != t:
			case edit.Upload:
				x.waiting = append(x.waiting, edit)
			default:
				edits = append(edits, edit)
			}
		}
		if len(edits) > 0 {
			parts = append(parts, x.set(t, edits))
		}
	}
	return parts, nil
}

// set returns the part that sends edits of different objects of t.
func (x *exchange) set(t local.Type, edits []local.Edit) part {
	id := ""
	return part{
		of:  t,
		add: func(r *jmap.Request) { id = r.Call(string(t)+"/set", setArgs(x.account(), edits)) },
		take: func(ctx context.Context, response *jmap.Response) (bool, error) {
			settled, err := x.settle(ctx, response, id, edits)
			x.settled += settled
			return false, err
		},
	}
}

// setArgs returns the arguments of a /set for edits of different objects.
func setArgs(account jmap.ID, edits []local.Edit) jmap.SetArgs {
	a := jmap.SetArgs{AccountID: account, Create: map[jmap.ID]json.RawMessage{}, Update: map[jmap.ID]jmap.Patch{}}
	for _, edit := range edits {
		id := jmap.ID(edit.Object)
		switch edit.Action {
		case local.Destroy:
			a.Destroy = append(a.Destroy, id)
			continue
		case local.CreateFax:
			a.Create[id] = edit.Patch
			continue
		}
		var patch jmap.Patch
		if json.Unmarshal(edit.Patch, &patch) != nil {
			patch = nil // the server refuses it, and the user is told
		}
		a.Update[id] = patch
		if edit.State != "" { // settings, of which there is one object
			a.IfInState = &edit.State
		}
	}
	return a
}

// settle ends the edits that the server has answered and returns how many they
// were. An edit that the answer does not mention stays in the outbox.
func (x *exchange) settle(ctx context.Context, response *jmap.Response, call string, edits []local.Edit) (settled int, err error) {
	var answer jmap.SetResponse
	err = response.Find(call, &answer)
	var refused *jmap.MethodError
	switch {
	case errors.As(err, &refused) && refused.Type == jmap.StateMismatch:
		if x.races++; x.races > maxRaces {
			return 0, nil // the next sync goes on
		}
		return len(edits), nil // the settings come with the same answer, and TakeEdits compares
	case errors.As(err, &refused) && isFinal(refused.Type):
		for _, edit := range edits { // it would be refused again and again: let the user know instead
			if err := x.refuse(ctx, edit, jmap.SetError{Type: refused.Type}); err != nil {
				return 0, err
			}
		}
		return len(edits), nil
	case err != nil:
		return 0, methodFailure(err)
	}
	for _, edit := range edits {
		answered, err := x.end(ctx, &answer, edit)
		if err != nil {
			return settled, err
		}
		if answered {
			settled++
		}
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

// end does what the answer says of one edit, and returns whether it says
// anything.
func (x *exchange) end(ctx context.Context, answer *jmap.SetResponse, edit local.Edit) (bool, error) {
	done, why := outcome(answer, edit)
	mirror := x.l.mirror
	switch {
	case done && edit.Action == local.CreateFax:
		var made struct {
			ID office.ID `json:"id"`
		}
		if json.Unmarshal(answer.Created[jmap.ID(edit.Object)], &made) != nil || !made.ID.Valid() {
			return false, nil // it is asked again, and then there already
		}
		return true, mirror.AcceptFax(ctx, edit, made.ID)
	case done:
		return true, mirror.Accept(ctx, edit)
	case why.Type == "":
		return false, nil
	case why.Type == jmap.AlreadyExists && edit.Action == local.CreateFax && office.ID(why.ExistingID).Valid():
		return true, mirror.FindFax(ctx, edit, office.ID(why.ExistingID))
	case why.Type == jmap.RateLimit:
		return true, mirror.Postpone(ctx, edit, x.e.now().Add(local.Hold))
	case why.Type == jmap.NotFound && isOfObject(edit): // deleted elsewhere, which ends all edits of it
		edit.Action = local.Destroy
		return true, mirror.Accept(ctx, edit)
	case why.Type == jmap.NotFound && edit.Action == local.AddQuality && x.l.isEarly(edit.Seq):
		return true, mirror.Postpone(ctx, edit, x.e.now().Add(local.Hold))
	case x.isBlobGone(edit, why):
		return true, mirror.Uploaded(ctx, edit, "")
	}
	return true, x.refuse(ctx, edit, why)
}

// isOfObject reports whether an edit is of an object that others may delete, and
// that the mirror has.
func isOfObject(edit local.Edit) bool {
	return edit.Action == local.Mark || edit.Action == local.Destroy || edit.Action == local.Cancel
}

// isBlobGone reports whether an edit was refused for want of its file, which
// the server keeps for a day only, and was not uploaded just now.
func (x *exchange) isBlobGone(edit local.Edit, why jmap.SetError) bool {
	if x.uploaded[edit.Seq] || edit.Action != local.CreateFax && edit.Action != local.SendGreeting || !hasFile(edit) {
		return false
	}
	return why.Type == jmap.BlobNotFound ||
		why.Type == jmap.InvalidProperties && (slices.Contains(why.Properties, "blobId") || slices.Contains(why.Properties, "greeting"))
}

// hasFile reports whether an edit owns a file: one that sends a fax again uses
// that of the fax.
func hasFile(edit local.Edit) bool {
	var fax struct {
		ResendOf office.ID `json:"resendOf"`
	}
	return json.Unmarshal(edit.Patch, &fax) != nil || fax.ResendOf == ""
}

// refuse sets an edit aside. How good a call was is nothing that a user waits to
// hear of.
func (x *exchange) refuse(ctx context.Context, edit local.Edit, why jmap.SetError) error {
	x.e.log.Info("change refused", "type", edit.Type, "id", edit.Object, "reason", why.Type, "properties", why.Properties)
	if edit.Action == local.AddQuality {
		return x.l.mirror.Discard(ctx, edit)
	}
	return x.l.mirror.Refuse(ctx, edit, why.Type, x.e.now())
}

// outcome returns what the answer says of one edit: done, or the error, or neither.
func outcome(answer *jmap.SetResponse, edit local.Edit) (done bool, why jmap.SetError) {
	id := jmap.ID(edit.Object)
	switch edit.Action {
	case local.Destroy:
		return slices.Contains(answer.Destroyed, id), answer.NotDestroyed[id]
	case local.CreateFax:
		_, done = answer.Created[id]
		return done, answer.NotCreated[id]
	}
	_, done = answer.Updated[id]
	return done, answer.NotUpdated[id]
}
