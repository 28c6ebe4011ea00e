package auth

import (
	"context"

	"timbre/internal/office"
)

// CheckPIN lets a caller into the mailbox of account. office.ErrWrongPIN: it is
// another one, or the mailbox has none or does not exist, which takes as long. A
// *TooMany comes before the PIN is looked at where mailbox or caller must wait.
func (g *Gate) CheckPIN(ctx context.Context, account office.ID, pin string, caller office.Number) error {
	return office.ErrWrongPIN
}

// SetPIN gives the mailbox of account a new PIN, or none where pin is empty, to a
// user who knows the password. office.ErrLogin: the password is wrong;
// office.ErrPIN: the PIN may not be chosen; a *TooMany: too many wrong ones.
func (g *Gate) SetPIN(ctx context.Context, account office.ID, password, pin string) error {
	return office.ErrUnavailable
}

// ResetPIN does the same without the password (the administrator's way).
// office.ErrNotFound: there is no such extension.
func (g *Gate) ResetPIN(ctx context.Context, ext office.Number, pin string) error {
	return office.ErrUnavailable
}

// ChangePassword gives a user who knows the current password a new one and ends
// the other sessions; keep is the session that stays. office.ErrLogin: current is
// wrong; office.ErrPassword: the new one may not be chosen; a *TooMany: too many
// wrong ones.
func (g *Gate) ChangePassword(ctx context.Context, account office.ID, current, password string, keep office.ID) error {
	return office.ErrUnavailable
}
