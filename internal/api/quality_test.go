package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// device returns the device of a session of the extension.
func (h *house) device(t *testing.T, s api.SessionReply, ext office.Number) office.ID {
	t.Helper()
	all, err := h.store.Devices(context.Background(), ext)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Username == s.SIP.Username {
			return d.ID
		}
	}
	t.Fatal("the session has no device")
	return ""
}

func TestQualityOfADeviceThatTookPart(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	elsewhere := h.login("101")
	own, other := h.device(t, s, "101"), h.device(t, elsewhere, "101")
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := office.Call{
		ID: office.NewID(), Kind: office.Incoming, Outcome: office.Answered, Peer: office.Party{Number: "102"}, StartedAt: begun,
		Legs: []office.CallLeg{{Party: office.Party{Number: "101"}, DeviceID: own, Outcome: office.Answered, StartedAt: begun, EndedAt: begun, Codec: "opus"}},
	}
	if err := h.store.EndCalls(context.Background(), store.Side{Account: office.ID(me), Call: c}); err != nil {
		t.Fatal(err)
	}
	missed := jmap.ID(h.log("101", 9).ID) // no leg of anybody
	const good = `{"codec":"opus","loss":0.01,"jitter":0.004,"delay":0.08}`
	id := jmap.ID(c.ID)
	set := func(token string, call jmap.ID, patch string) jmap.SetResponse {
		t.Helper()
		var p jmap.Patch
		if err := json.Unmarshal([]byte(patch), &p); err != nil {
			t.Fatal(err)
		}
		return must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, token, "Call/set", jmap.SetArgs{AccountID: me, Update: map[jmap.ID]jmap.Patch{call: p}}))
	}
	tests := []struct {
		name, token string
		call        jmap.ID
		patch, want string
	}{
		{"another property", s.Token, id, `{"reason":"x","quality/OWN":` + good + `}`, jmap.InvalidProperties},
		{"of another device", s.Token, id, `{"quality/OTHER":` + good + `}`, jmap.InvalidProperties},
		{"of a device that took no part", elsewhere.Token, id, `{"quality/OTHER":` + good + `}`, jmap.Forbidden},
		{"of a call without it", s.Token, missed, `{"quality/OWN":` + good + `}`, jmap.Forbidden},
		{"of no call", s.Token, "nothing", `{"quality/OWN":` + good + `}`, jmap.NotFound},
		{"of nobody", s.Token, id, `{"quality":{"OTHER":` + good + `}}`, jmap.InvalidProperties},
		{"no qualities", s.Token, id, `{"quality":null}`, jmap.InvalidProperties},
		{"no patch", s.Token, id, `null`, jmap.InvalidPatch},
		{"nothing", s.Token, id, `{}`, ""},
		{"what there is", s.Token, id, `{"outcome":"answered","quality":{}}`, ""},
		{"nothing of no call", s.Token, "nothing", `{}`, jmap.NotFound},
		{"null", s.Token, id, `{"quality/OWN":null}`, jmap.InvalidProperties},
		{"more than all lost", s.Token, id, `{"quality/OWN":{"codec":"opus","loss":1.5}}`, jmap.InvalidProperties},
		{"a negative time", s.Token, id, `{"quality/OWN":{"codec":"opus","jitter":-1}}`, jmap.InvalidProperties},
		{"something else in it", s.Token, id, `{"quality/OWN":{"codec":"opus","mood":1}}`, jmap.InvalidProperties},
		{"a codec of any length", s.Token, id, `{"quality/OWN":{"codec":"` + strings.Repeat("x", 99) + `"}}`, jmap.InvalidProperties},
	}
	fill := strings.NewReplacer("OWN", string(own), "OTHER", string(other))
	for _, tt := range tests {
		if got := set(tt.token, tt.call, fill.Replace(tt.patch)); got.NotUpdated[tt.call].Type != tt.want || got.NewState != string(got.OldState) {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
	for _, patch := range []string{`{"quality/OWN":` + good + `}`, `{"quality/OWN":` + good + `}`, `{"reason":"","quality":{"OWN":` + good + `}}`} { // it may come again, and as a whole
		if got := set(s.Token, id, fill.Replace(patch)); len(got.NotUpdated) > 0 || len(got.Updated) != 1 {
			t.Errorf("%s: %+v", patch, got)
		}
	}
	if got := set(s.Token, id, fill.Replace(`{"quality":{}}`)); got.NotUpdated[id].Type != jmap.InvalidProperties {
		t.Errorf("taken back: %+v", got)
	}
	got := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Call/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{id}}))
	read := list[office.Call](t, got)[0]
	if read.Quality[own] != (office.Quality{Codec: "opus", Loss: 0.01, Jitter: 0.004, Delay: 0.08}) || len(read.Quality) != 1 {
		t.Errorf("%s", got.List[0])
	}
	if strings.Contains(string(got.List[0]), `"legs"`) {
		t.Errorf("%s: nobody asked for legs", got.List[0])
	}
	asked := must[jmap.GetResponse](t)(ask[jmap.GetResponse](h, s.Token, "Call/get", jmap.GetArgs{AccountID: me, IDs: []jmap.ID{id, missed}, Properties: []string{"legs", "outcome"}}))
	if legs := list[office.Call](t, asked); len(legs) != 2 || len(legs[0].Legs) != 1 || legs[0].Legs[0].Codec != "opus" {
		t.Errorf("%s", asked.List)
	}
	if !strings.Contains(string(asked.List[1]), `"legs":[]`) {
		t.Errorf("%s: want an empty list", asked.List[1])
	}
}

func TestCallsAreNeitherMadeNorDestroyed(t *testing.T) {
	h := open(t)
	s, me := h.login("101"), jmap.ID(h.account("101"))
	id := jmap.ID(h.log("101", 1).ID)
	set := must[jmap.SetResponse](t)(ask[jmap.SetResponse](h, s.Token, "Call/set", jmap.SetArgs{
		AccountID: me, Create: map[jmap.ID]json.RawMessage{"k": json.RawMessage(`{}`)}, Destroy: []jmap.ID{id},
	}))
	if set.NotCreated["k"].Type != jmap.Forbidden || set.NotDestroyed[id].Type != jmap.Forbidden {
		t.Errorf("%+v", set)
	}
	state := "other.1"
	_, err := ask[jmap.SetResponse](h, s.Token, "Call/set", jmap.SetArgs{AccountID: me, IfInState: &state})
	wantMethodError(t, err, jmap.StateMismatch)
}
