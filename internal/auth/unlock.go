package auth

import (
	"context"

	"timbre/internal/office"
)

// Unlock forgets the wrong passwords and PINs that were tried for an extension,
// so that its user need not wait (the administrator's way). office.ErrNotFound: there is
// no such extension.
func (g *Gate) Unlock(ctx context.Context, ext office.Number) error {
	e, err := g.store.Extension(ctx, ext)
	if err != nil {
		return err
	}
	g.logins.clearIf(func(l login) bool { return l.ext == ext })
	g.strangers.clearIf(func(v visitor) bool { return v.ext == ext })
	g.known.clearIf(func(v visitor) bool { return v.ext == ext })
	g.knocks.clearIf(func(k knock) bool { return k.account == e.Account })
	g.mailboxes.clear(e.Account)
	g.confirms.clear(e.Account)
	g.log.Info("unlocked", "ext", e.Number)
	return nil
}

// clearIf forgets the failures of the keys that match.
func (b *backoff[K]) clearIf(match func(K) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.tries {
		if match(k) {
			delete(b.tries, k)
		}
	}
}
