package auth

import (
	"context"
	"crypto/subtle"
	"strings"

	"timbre/internal/office"
	"timbre/internal/store"
)

// adminPrefix begins every token of an administrator, so that people and
// scanners know one where it should not be.
const adminPrefix = "timbre_admin_"

// AddAdminToken makes a token that opens the administration over HTTPS. It is
// seen here only; the store keeps a hash. office.ErrExists: the name is taken.
func (g *Gate) AddAdminToken(ctx context.Context, name string) (store.AdminToken, string, error) {
	token := adminPrefix + newToken()
	t, err := g.store.AddAdminToken(ctx, name, hashToken(token))
	if err != nil {
		return store.AdminToken{}, "", err
	}
	g.log.Info("administrator's token added", "name", name)
	return t, token, nil
}

// AdminToken returns the name of an administrator's token, or office.ErrSession
// where it is none.
func (g *Gate) AdminToken(ctx context.Context, token string) (name string, err error) {
	if !strings.HasPrefix(token, adminPrefix) {
		return "", office.ErrSession
	}
	all, err := g.store.AdminTokens(ctx)
	if err != nil {
		return "", err
	}
	hash := []byte(hashToken(token))
	for _, t := range all {
		if subtle.ConstantTimeCompare([]byte(t.Hash), hash) == 1 {
			name = t.Name
		}
	}
	if name == "" {
		return "", office.ErrSession
	}
	return name, nil
}
