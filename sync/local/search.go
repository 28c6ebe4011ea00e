package local

import (
	"context"
	"database/sql"
	"slices"

	"timbre/internal/office"
)

// ContactType is the type of a Hit in the user's contacts, which JMAP does not
// know.
const ContactType Type = "Contact"

// A Hit is one thing that a search found. People have no time; of the others,
// that one of Call, Voicemail and Fax is set which Type says.
type Hit struct {
	Type      Type         `json:"type"`
	Cursor    Cursor       `json:"-"`     // where it stands in its list; zero for people
	Party     office.Party `json:"party"` // the person, or the other side
	Call      *Call        `json:"call,omitempty"`
	Voicemail *Voicemail   `json:"voicemail,omitempty"`
	Fax       *Fax         `json:"fax,omitempty"`
}

// Search finds text in the numbers and names of the directory, the contacts,
// calls, messages and faxes: each of its words begins a word of the name or is any
// part of the number, whatever case and accents. It returns at most limit hits:
// people, no more than half where there are enough others, and then the others,
// newest first. A blank text finds nothing.
func (m *Mirror) Search(ctx context.Context, text string, limit int) ([]Hit, error) {
	w, err := m.want(ctx, text)
	if err != nil || w == nil || len(w.terms) == 0 || limit <= 0 {
		return nil, err
	}
	people, err := m.people(ctx, w, limit)
	if err != nil {
		return nil, err
	}
	f := Filter{Limit: limit}
	calls, err := m.calls(ctx, f, w)
	if err != nil {
		return nil, err
	}
	voicemails, err := m.voicemails(ctx, f, w)
	if err != nil {
		return nil, err
	}
	faxes, err := m.faxes(ctx, f, w)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for i := range calls {
		hits = append(hits, Hit{Type: CallType, Cursor: calls[i].Cursor(), Party: calls[i].Peer, Call: &calls[i]})
	}
	for i := range voicemails {
		hits = append(hits, Hit{Type: VoicemailType, Cursor: voicemails[i].Cursor(), Party: voicemails[i].From, Voicemail: &voicemails[i]})
	}
	for i := range faxes {
		hits = append(hits, Hit{Type: FaxType, Cursor: faxes[i].Cursor(), Party: faxes[i].Party(), Fax: &faxes[i]})
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		switch {
		case before(a.Cursor, b.Cursor):
			return 1
		case before(b.Cursor, a.Cursor):
			return -1
		}
		return 0
	})
	people = people[:min(len(people), max(limit-len(hits), (limit+1)/2))]
	return append(people, hits[:min(len(hits), limit-len(people))]...), nil
}

// people finds whom w means in the directory and then in the contacts, by name.
func (m *Mirror) people(ctx context.Context, w *wanted, limit int) (hits []Hit, err error) {
	for _, in := range []struct {
		t     Type
		table string
	}{{ExtensionType, "extension"}, {ContactType, "contact"}} {
		q := query{text: `SELECT number, name FROM ` + in.table + ` WHERE `}
		q.text += w.person(&q, "number", "folded") + ` ORDER BY folded, number LIMIT ` + q.arg(limit-len(hits))
		err = m.rows(ctx, func(r *sql.Rows) error {
			h := Hit{Type: in.t}
			err := r.Scan(&h.Party.Number, &h.Party.Name)
			hits = append(hits, h)
			return err
		}, q.text, q.args...)
		if err != nil {
			return nil, err
		}
	}
	return hits, nil
}
