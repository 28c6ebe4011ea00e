package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// faxes is the JMAP type Fax: what an extension sent and received. Users have
// faxes sent, cancel them, mark and delete them; all else is the server's.
type faxes struct {
	list
	store *store.Store
	of    office.Extension
}

func newFaxes(s *store.Store, e office.Extension) faxes {
	return faxes{store: s, of: e, list: table[office.Fax, store.FaxFilter]{
		sortedBy: "createdAt",
		takes:    func(f filter) bool { return f.Kind == "" && (f.State == "" || slices.Contains(faxStates, f.State)) },
		filter: func(f filter) store.FaxFilter {
			return store.FaxFilter{State: f.State, IsNew: f.IsNew, After: f.After, Before: f.Before, Text: f.Text}
		},
		row:  func(f office.Fax) row { return row{f.ID, f} },
		rows: s.Faxes, query: s.QueryFaxes, count: s.CountFaxes, place: s.PlaceOfFax,
	}.of(e.Account)}
}

var faxStates = []office.FaxState{
	office.FaxQueued, office.FaxDialing, office.FaxSending,
	office.FaxDelivered, office.FaxFailed, office.FaxCanceled, office.FaxArrived,
}

// set makes, changes and deletes faxes (RFC 8620 §5.3): what is made in one commit,
// and then the rest in another, which may be about what was made.
func (k faxes) set(ctx context.Context, a jmap.SetArgs) (jmap.SetResponse, error) {
	answer := newSetResponse()
	state, err := wantedState(a)
	if err != nil {
		return answer, err
	}
	if len(a.Create) == 0 {
		return answer, k.change(ctx, a, state, &answer)
	}
	if err := k.create(ctx, a, state, &answer); err != nil || len(a.Update)+len(a.Destroy) == 0 {
		return answer, err
	}
	before, between := answer.OldState, answer.NewState
	made := jmap.CreationIDs{}
	made.Add(answer.Created)
	made.Resolve(&a)
	if err := k.change(ctx, a, "", &answer); err != nil {
		if len(answer.Created) > 0 {
			err = &halfDone{err}
		}
		return answer, err
	}
	if string(answer.OldState) == between {
		answer.OldState = before
	} else {
		answer.OldState = "" // somebody else came in between, of whom the client must hear
	}
	return answer, nil
}

// create makes the faxes of a and enters them into the answer.
func (k faxes) create(ctx context.Context, a jmap.SetArgs, state store.State, answer *jmap.SetResponse) error {
	change := store.FaxSet{IfInState: state}
	var names []jmap.ID // of change.Create
	for _, name := range slices.Sorted(maps.Keys(a.Create)) {
		f, err := k.wanted(ctx, a.Create[name])
		var refused *jmap.SetError
		switch {
		case errors.As(err, &refused):
			answer.NotCreated[name] = *refused
		case err != nil:
			return err
		default:
			names, change.Create = append(names, name), append(change.Create, f)
		}
	}
	done, err := k.store.SetFaxes(ctx, k.of.Account, change)
	if err != nil {
		return err
	}
	answer.OldState, answer.NewState = jmap.KnownState(done.OldState), string(done.NewState)
	for i, c := range done.Created {
		name := names[i]
		switch {
		case errors.Is(c.Err, office.ErrTooMany):
			answer.NotCreated[name] = jmap.SetError{Type: jmap.RateLimit}
		case c.Err != nil: // its pages went this moment
			answer.NotCreated[name] = blobNotFound(change.Create[i].BlobID)
		case c.Existing:
			answer.NotCreated[name] = jmap.SetError{Type: jmap.AlreadyExists, ExistingID: jmap.ID(c.Fax.ID)}
		default:
			is, err := propertiesOf(c.Fax)
			if err != nil {
				return err
			}
			var told jmap.Object
			if err := json.Unmarshal(a.Create[name], &told); err != nil {
				return err
			}
			if answer.Created[name], err = unsaid(is, told); err != nil {
				return err
			}
		}
	}
	return nil
}

// change changes and deletes faxes and enters them into the answer.
func (k faxes) change(ctx context.Context, a jmap.SetArgs, state store.State, answer *jmap.SetResponse) error {
	change := store.FaxSet{IfInState: state, IsNew: map[office.ID]bool{}, Destroy: officeIDs(a.Destroy)}
	edits, err := k.edits(ctx, a, settableOfFax, answer)
	if err != nil {
		return err
	}
	for id, changed := range edits {
		isNew, said, refused := readIsNew(changed)
		wanted, cancel := changed["state"]
		switch {
		case refused != nil:
			answer.NotUpdated[jmap.ID(id)] = *refused
		case said:
			change.IsNew[id] = isNew
		case cancel && !same(wanted, canceled):
			answer.NotUpdated[jmap.ID(id)] = notCanceled
		case cancel:
			change.Cancel = append(change.Cancel, id)
		default:
			answer.Updated[jmap.ID(id)] = json.RawMessage("null")
		}
	}
	done, err := k.store.SetFaxes(ctx, k.of.Account, change)
	if err != nil {
		return err
	}
	enter(answer, a, done.SetResult)
	for _, id := range jmapIDs(done.Refused) {
		if slices.Contains(a.Destroy, id) {
			answer.NotDestroyed[id] = jmap.SetError{Type: jmap.Forbidden, Description: "it is not finished: cancel it first"}
		} else {
			answer.NotUpdated[id] = notCanceled
		}
	}
	return nil
}

var canceled = json.RawMessage(`"` + office.FaxCanceled + `"`)

// notCanceled is why a state is not set.
var notCanceled = jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"state"}, Description: "only to canceled, while it is queued or dialing"}

// settableOfFax returns what a user may change of a fax.
func settableOfFax(fax any) []string {
	if f, ok := fax.(office.Fax); ok && f.Direction == office.FaxReceived {
		return []string{"isNew"}
	}
	return []string{"state"}
}

// wanted returns the fax that a client wants to be sent. The error is a
// *jmap.SetError where it cannot be. One that was sent already is told as such
// before anything else: what it was made of may be gone.
func (k faxes) wanted(ctx context.Context, raw json.RawMessage) (f office.Fax, err error) {
	var number string
	if f, number, err = readFax(raw); err != nil {
		return f, err
	}
	switch id, err := k.store.FaxOf(ctx, k.of.Account, f.ClientRef); {
	case err == nil:
		return f, &jmap.SetError{Type: jmap.AlreadyExists, ExistingID: jmap.ID(id)}
	case !errors.Is(err, office.ErrNotFound):
		return f, err
	}
	if f.Number, err = k.destination(ctx, number); err != nil {
		return f, wrongProperty(err)
	}
	if f.ResendOf != "" {
		return f, k.again(ctx, &f)
	}
	return f, k.pages(ctx, f.BlobID)
}

// readFax reads what a client sends to have a fax sent: clientRef, number, and of
// blobId and resendOf one at least. The error is a *jmap.SetError.
func readFax(raw json.RawMessage) (f office.Fax, number string, err error) {
	var sent jmap.Object
	if json.Unmarshal(raw, &sent) != nil || sent == nil {
		return f, "", &jmap.SetError{Type: jmap.InvalidProperties, Description: "a fax is an object"}
	}
	f.Direction = office.FaxSent
	var wrong []string
	for name, value := range sent {
		into, known := map[string]any{"clientRef": &f.ClientRef, "number": &number, "blobId": &f.BlobID, "resendOf": &f.ResendOf}[name]
		switch {
		case isNull(value): // as if it were not there
		case !known, json.Unmarshal(value, into) != nil:
			wrong = append(wrong, name)
		}
	}
	if f.ClientRef = strings.ToLower(f.ClientRef); !isUUID(f.ClientRef) && !slices.Contains(wrong, "clientRef") {
		wrong = append(wrong, "clientRef")
	}
	if number == "" && !slices.Contains(wrong, "number") {
		wrong = append(wrong, "number")
	}
	if f.BlobID == "" && f.ResendOf == "" && !slices.Contains(wrong, "blobId") && !slices.Contains(wrong, "resendOf") {
		wrong = append(wrong, "blobId")
	}
	if wrong != nil {
		slices.Sort(wrong)
		return f, "", &jmap.SetError{Type: jmap.InvalidProperties, Properties: wrong}
	}
	return f, number, nil
}

// isUUID reports whether s has the form of a UUID (RFC 9562 §4), in small letters.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// destination returns number as the office knows it. office.ErrNumber: no fax can
// go there; office.ErrNotAllowed: not one of this extension.
func (k faxes) destination(ctx context.Context, number string) (office.Number, error) {
	c, err := k.store.Company(ctx)
	if err != nil {
		return "", err
	}
	d, err := dialplan.Lookup(ctx, k.store, c.Region, k.of, number)
	if err != nil {
		return "", err
	}
	switch d.Kind {
	case dialplan.Extension, dialplan.OwnLine, dialplan.Outside:
	default:
		return "", office.ErrNumber
	}
	if !d.Allowed {
		return "", office.ErrNotAllowed
	}
	return d.Number, nil
}

// pages returns nil if blob holds pages that can be sent, else a *jmap.SetError.
func (k faxes) pages(ctx context.Context, blob office.ID) error {
	file, b, err := k.store.OpenBlob(ctx, k.of.Account, blob)
	if errors.Is(err, office.ErrNotFound) {
		refused := blobNotFound(blob)
		return &refused
	}
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	switch {
	case b.Type != office.PDFType && b.Type != office.TIFFType:
		return &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"blobId"}, Description: "neither PDF nor TIFF"}
	case b.Size > office.MaxFaxBytes:
		return &jmap.SetError{Type: jmap.TooBig}
	}
	return nil
}

// again makes f another try of the fax that it is to be one of: one that was sent,
// or failed, with the same pages. The error is a *jmap.SetError where it cannot be.
func (k faxes) again(ctx context.Context, f *office.Fax) error {
	all, err := k.store.Faxes(ctx, k.of.Account, f.ResendOf)
	if err != nil {
		return err
	}
	wrong := ""
	switch {
	case len(all) == 0 || all[0].Direction != office.FaxSent || !all[0].State.IsFinished():
		wrong = "resendOf"
	case f.BlobID != "" && f.BlobID != all[0].BlobID:
		wrong = "blobId"
	}
	if wrong != "" {
		return &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{wrong}}
	}
	f.BlobID = all[0].BlobID
	return nil
}

func blobNotFound(id office.ID) jmap.SetError {
	return jmap.SetError{Type: jmap.BlobNotFound, NotFound: []jmap.ID{jmap.ID(id)}}
}
