package api_test

import (
	"slices"
	"testing"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// Rows of the same time have places of their own, so that an anchor among them
// begins where it stands.
func TestAnchorAmongRowsOfOneTime(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	for name, add := range map[string]func() office.ID{
		"Call":      func() office.ID { return h.log("101", 1).ID },
		"Voicemail": func() office.ID { return h.leave("101", 1, "x").ID },
	} {
		var ids []jmap.ID
		for range 6 {
			ids = append(ids, jmap.ID(add()))
		}
		slices.Sort(ids)
		slices.Reverse(ids) // the newest first, of one time the last
		for i := range ids {
			for _, offset := range []int{0, 1, -2} {
				want := ids[max(0, min(i+offset, len(ids))):]
				q := must[jmap.QueryResponse](t)(ask[jmap.QueryResponse](h, s.Token, name+"/query", jmap.QueryArgs{AccountID: me, Anchor: &ids[i], AnchorOffset: offset}))
				if !slices.Equal(q.IDs, want) || q.Position != max(0, i+offset) {
					t.Errorf("%s, %d from row %d: %d rows from %d, want %d", name, offset, i, len(q.IDs), q.Position, len(want))
				}
			}
		}
	}
}
