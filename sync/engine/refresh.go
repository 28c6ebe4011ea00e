package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"timbre/internal/office"
)

// refresh fetches session object and SIP account again and keeps them.
func (e *Engine) refresh(ctx context.Context, l *login, c *client) error {
	var reply sessionReply
	if err := c.exchange(ctx, http.MethodGet, "/v1/sessions/current", nil, &reply); err != nil {
		return err
	}
	if reply.account() == "" {
		return fmt.Errorf("%w: a session without an account", office.ErrUnavailable)
	}
	if reply.account() != l.account.ID {
		return fmt.Errorf("%w: the session is of another account", office.ErrSession)
	}
	l.mu.Lock()
	known, device := l.session, l.device
	l.session, l.name, l.device = reply.Session, reply.name(), reply.Device
	if known.State != reply.Session.State { // perhaps another version
		clear(l.lacking)
	}
	l.mu.Unlock()
	if before := l.secrets(); !sameAccount(before.SIP, reply.SIP) {
		if err := l.keeper.setSIP(c.token, reply.SIP); err != nil {
			return err
		}
		e.announce(StatusKind)
	}
	if known.State == reply.Session.State && device == reply.Device {
		return nil
	}
	record, err := json.Marshal(profileRecord{l.who(), reply.Device, reply.Session})
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
