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

// AddAdminToken makes a token that opens the administration over HTTPS, or the
// figures for a monitor alone. It is seen here only; the store keeps a hash.
// office.ErrExists: the name is taken.
func (g *Gate) AddAdminToken(ctx context.Context, name string, onlyMetrics bool) (store.AdminToken, string, error) {
	token := adminPrefix + newToken()
	add := g.store.AddAdminToken
	if onlyMetrics {
		add = g.store.AddMetricsToken
	}
	t, err := add(ctx, name, hashToken(token))
	if err != nil {
		return store.AdminToken{}, "", err
	}
	g.log.Info("administrator's token added", "name", name)
	return t, token, nil
}

// AdminToken returns an administrator's token, or office.ErrSession where it is
// none.
func (g *Gate) AdminToken(ctx context.Context, token string) (found store.AdminToken, err error) {
	if !strings.HasPrefix(token, adminPrefix) {
		return found, office.ErrSession
	}
	all, err := g.store.AdminTokens(ctx)
	if err != nil {
		return found, err
	}
	hash := []byte(hashToken(token))
	for _, t := range all {
		if subtle.ConstantTimeCompare([]byte(t.Hash), hash) == 1 {
			found = t
		}
	}
	if found.Name == "" {
		return found, office.ErrSession
	}
	return found, nil
}
