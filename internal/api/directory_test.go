package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

func list[T any](t *testing.T, got jmap.GetResponse) (all []T) {
	t.Helper()
	for _, raw := range got.List {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestDirectoryIsTheSameForAll(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	s, me := h.login("101"), jmap.ID(h.account("101"))
	other, you := h.login("102"), jmap.ID(h.account("102"))
	first := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Extension/get", jmap.GetArgs{AccountID: me}))
	entries := list[office.Entry](t, first)
	if len(entries) != 2 || entries[0].Number != "101" || entries[1].Name != "Ana 102" || entries[0].ID == office.ID(me) {
		t.Fatalf("%+v", entries)
	}
	events := h.listen(t, other.Token, "types=Extension", "")
	events.next("state")
	h.add(ctx, "103")
	if err := h.admin.RemoveExtension(ctx, "101", 0); err != nil { // with its sessions
		t.Fatal(err)
	}
	events.next("state")
	changed := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, other.Token, "Extension/changes", jmap.ChangesArgs{AccountID: you, SinceState: first.State}))
	if len(changed.Created) != 1 || !slices.Equal(changed.Destroyed, []jmap.ID{jmap.ID(entries[0].ID)}) || len(changed.Updated) != 0 {
		t.Fatalf("%+v", changed)
	}
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, other.Token, "Extension/get", jmap.GetArgs{AccountID: you, IDs: append(changed.Created, changed.Destroyed...)}))
	if added := list[office.Entry](t, got); len(added) != 1 || added[0].Number != "103" || len(got.NotFound) != 1 {
		t.Errorf("%+v", got)
	}
	none := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, other.Token, "Extension/get", jmap.GetArgs{AccountID: you, IDs: []jmap.ID{}}))
	if len(none.List) != 0 {
		t.Errorf("asked for none, got %+v", none)
	}
}

// A directory of more lines than one method returns is refused as a whole (RFC 8620
// §5.1), and read in pages: of the changes since nothing was known, and by ids.
func TestDirectoryThatIsTooLargeForOneMethod(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	before := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Extension/get", jmap.GetArgs{AccountID: me}))
	limit := jmap.DefaultLimits.MaxObjectsInGet
	for i := len(before.List); i < limit; i++ {
		if _, err := h.store.AddExtension(t.Context(), office.Extension{Number: office.Number(fmt.Sprint(10_000 + i)), Name: "x"}, "none"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Extension/get", "Presence/get"} {
		got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, name, jmap.GetArgs{AccountID: me}))
		if len(got.List) != limit {
			t.Errorf("%s: %d", name, len(got.List))
		}
	}
	h.add(t.Context(), "103")
	for _, name := range []string{"Extension/get", "Presence/get"} {
		_, err := ask[jmap.GetResponse](h, s.Token, name, jmap.GetArgs{AccountID: me})
		wantMethodError(t, err, jmap.RequestTooLarge)
	}
	changed := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, "Extension/changes", jmap.ChangesArgs{AccountID: me, SinceState: before.State}))
	if len(changed.Created) != limit-len(before.List)+1 || changed.HasMoreChanges {
		t.Fatalf("%d lines are new, more %v", len(changed.Created), changed.HasMoreChanges)
	}
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Presence/get", jmap.GetArgs{AccountID: me, IDs: changed.Created}))
	if len(got.List) != len(changed.Created) {
		t.Errorf("%d of %d", len(got.List), len(changed.Created))
	}
	pages := []int{}
	state := office.NoState
	for more := true; more; {
		page := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, "Extension/changes", jmap.ChangesArgs{AccountID: me, SinceState: state}))
		pages = append(pages, len(page.Created))
		state, more = page.NewState, page.HasMoreChanges
	}
	if now := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Extension/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{}})); state != now.State || !slices.Equal(pages, []int{limit, 1}) {
		t.Errorf("a client that is new read %v until %s, now %s", pages, state, now.State)
	}
}

func TestPresenceOfTheDirectory(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	entries := list[office.Entry](t, must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Extension/get", jmap.GetArgs{AccountID: me})))
	h.show("102", office.InCall)
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Presence/get", jmap.GetArgs{AccountID: me}))
	want := []office.Presence{{ID: entries[0].ID, State: office.Offline}, {ID: entries[1].ID, State: office.InCall}}
	if all := list[office.Presence](t, got); !slices.Equal(all, want) {
		t.Errorf("%+v, want %+v", all, want)
	}
	same := must[jmap.ChangesResponse](t)(ask[jmap.ChangesResponse](h, s.Token, "Presence/changes", jmap.ChangesArgs{AccountID: me, SinceState: got.State}))
	if same.NewState != got.State || len(same.Updated) != 0 {
		t.Errorf("%+v", same)
	}
	h.show("102", office.Free)
	_, err := ask[jmap.ChangesResponse](h, s.Token, "Presence/changes", jmap.ChangesArgs{AccountID: me, SinceState: got.State})
	wantMethodError(t, err, jmap.CannotCalculateChanges)
}

func TestPresenceIsToldAtMostOnceASecond(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), h.account("101")
	events := h.listen(t, s.Token, "types=Presence,Call", "")
	last := ""
	for last == "" { // the first event may come before the first presence
		last = states(t, events.next("state"), me)["Presence"]
	}
	began := time.Now()
	for i := range 200 {
		h.show("102", []office.PresenceState{office.Ringing, office.InCall, office.Free}[i%3])
	}
	h.show("102", office.DND)
	told := 0
	for {
		e := events.next("state")
		told++
		now := states(t, e, me)["Presence"]
		if now == last {
			t.Errorf("%s was told twice", now)
		}
		last = now
		got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Presence/get", jmap.GetArgs{AccountID: jmap.ID(me)}))
		if got.State == now { // the last of all
			break
		}
	}
	if took := time.Since(began); told > int(took/time.Second)+1 {
		t.Errorf("%d events within %s", told, took)
	}
	// What ends as it began is no news; a call is, alone.
	h.log("101", 1)
	if after := states(t, events.next("state"), me); len(after) != 1 || after["Call"] == "" {
		t.Errorf("%v", after)
	}
}
