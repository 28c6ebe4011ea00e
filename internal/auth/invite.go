package auth

import (
	"context"
	"errors"
	"time"

	"timbre/internal/office"
)

// InvitationTime is how long an invitation may be accepted.
const InvitationTime = 24 * time.Hour

// Invite makes the token by which the user of ext may choose a password once,
// and ends the one made before. The store keeps a hash of it.
// office.ErrNotFound: there is no such extension.
func (g *Gate) Invite(ctx context.Context, ext office.Number) (token string, until time.Time, err error) {
	token, until = newToken(), g.now().Add(InvitationTime).Truncate(time.Second)
	if err := g.store.Invite(ctx, ext, hashToken(token), until); err != nil {
		return "", time.Time{}, err
	}
	g.log.Info("invitation made", "ext", ext)
	return token, until, nil
}

// AcceptInvitation gives the extension that token invites its first password,
// which uses the invitation up and ends its sessions. office.ErrInvitation: it is
// unknown, used or over; office.ErrDisabled: the extension is; ErrPassword: the
// password may not be chosen, and the invitation stays.
func (g *Gate) AcceptInvitation(ctx context.Context, token, password string) (office.Extension, error) {
	hash := hashToken(token)
	e, err := g.store.Invited(ctx, hash)
	switch {
	case err != nil:
		return office.Extension{}, notInvited(err)
	case e.Disabled:
		return office.Extension{}, office.ErrDisabled
	}
	chosen, err := g.newHash(ctx, password)
	if err != nil {
		return office.Extension{}, err
	}
	if err := g.store.AcceptInvitation(ctx, hash, chosen); err != nil {
		return office.Extension{}, notInvited(err)
	}
	g.log.Info("invitation accepted", "ext", e.Number)
	return e, nil
}

func notInvited(err error) error {
	if errors.Is(err, office.ErrNotFound) {
		return office.ErrInvitation
	}
	return err
}
