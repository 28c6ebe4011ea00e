package server

import (
	"context"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/trunk"
)

// trunks tells the administration of the lines to the outside.
type trunks struct{ *trunk.Group }

// TrunkStates implements api.Trunks.
func (t trunks) TrunkStates() map[office.ID]api.TrunkState {
	states := map[office.ID]api.TrunkState{}
	for _, s := range t.States() {
		states[s.Trunk.ID] = trunkState(s)
	}
	return states
}

// TestTrunk implements api.Trunks. That the carrier does not answer is what came
// of it, and no error.
func (t trunks) TestTrunk(ctx context.Context, id office.ID) (api.TrunkState, error) {
	s, err := t.Test(ctx, id)
	if s.Trunk.ID == "" {
		return api.TrunkState{}, err
	}
	return trunkState(s), nil
}

func trunkState(s trunk.State) api.TrunkState {
	return api.TrunkState{Up: s.Up(), Registered: s.Registered, Reachable: s.Reachable, LastError: s.LastError, ErrorAt: s.ErrorAt, Since: s.Since}
}
