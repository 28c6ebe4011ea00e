package auth

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// random returns n random lower-case letters and digits, 5 bits each.
func random(n int) string {
	b := make([]byte, (n*5+7)/8)
	rand.Read(b) // never fails since Go 1.24
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))[:n]
}

// newUsername returns a SIP user name, from which nothing follows.
func newUsername() string { return "d" + random(9) }

// isUsername reports whether s could be one of newUsername. What strangers send
// else never reaches the store.
func isUsername(s string) bool {
	return len(s) == 10 && s[0] == 'd' && strings.Trim(s[1:], "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// secretOf returns what the server keeps of a SIP password.
func secretOf(username, password string) store.Secret {
	a1 := []byte(username + ":" + office.SIPRealm + ":" + password)
	m, s := md5.Sum(a1), sha256.Sum256(a1)
	return store.Secret{MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

func (g *Gate) sipAccount(username, password string) office.SIPAccount {
	return office.SIPAccount{Username: username, Password: password, Domain: g.cfg.Domain, URIs: g.cfg.URIs}
}

// AddDevice adds a third-party phone to ext and returns the account to type
// into it: the only time that its password is seen. office.ErrNotFound: no such
// extension.
func (g *Gate) AddDevice(ctx context.Context, ext office.Number, name string) (office.Device, office.SIPAccount, error) {
	username, password := newUsername(), random(24)
	d, err := g.store.AddDevice(ctx, office.Device{Extension: ext, Name: name, Username: username}, secretOf(username, password))
	if err != nil {
		return office.Device{}, office.SIPAccount{}, err
	}
	return d, g.sipAccount(username, password), nil
}

// secrets holds the H(A1) of devices in memory while the store's generation
// stays the same. The zero value is empty.
type secrets struct {
	mu         sync.Mutex
	generation uint64                  // guarded by mu
	of         map[string]store.Secret // guarded by mu; by user name
}

// get returns the secret of username as of a generation.
func (c *secrets) get(username string, generation uint64) (s store.Secret, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return store.Secret{}, false
	}
	s, ok = c.of[username]
	return s, ok
}

// put keeps what was read when the generation was this one.
func (c *secrets) put(username string, s store.Secret, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation > c.generation || c.of == nil {
		c.generation, c.of = generation, map[string]store.Secret{}
	}
	if generation == c.generation {
		c.of[username] = s
	}
}

// HA1 returns H(A1) of the device that registers as username, for the digest of
// SIP requests (RFC 7616 §3.4.2). office.ErrNotFound: there is no such user. Another
// error is the store's, and says nothing of the user.
func (g *Gate) HA1(ctx context.Context, username string, sha256 bool) (ha1 string, err error) {
	if !isUsername(username) {
		return "", office.ErrNotFound
	}
	generation := g.store.Generation()
	s, ok := g.secrets.get(username, generation)
	if !ok {
		_, s, err = g.store.DeviceSecret(ctx, username)
		if err != nil {
			if !errors.Is(err, office.ErrNotFound) && ctx.Err() == nil {
				g.log.Error("reading a device's secret", "err", err)
			}
			return "", err
		}
		g.secrets.put(username, s, generation)
	}
	if sha256 {
		return s.SHA256, nil
	}
	return s.MD5, nil
}

// A sipVisitor is a device at an address.
type sipVisitor struct {
	username string
	source   netip.Prefix
}

// AllowSIP returns how long from must wait before credentials of username are
// looked at; zero: not at all. A device that has been in from there never
// waits, and what others at its address do does not hold up one that is new
// there.
func (g *Gate) AllowSIP(from netip.Addr, username string) time.Duration {
	src, now := source(from), g.now()
	if g.sipVisited.has(sipVisitor{username, src}) {
		return 0
	}
	if wait := g.sipSources.wait(src, now); wait > 0 {
		if _, err := g.HA1(context.Background(), username, false); errors.Is(err, office.ErrNotFound) {
			return wait
		}
	}
	return g.sipDevices.wait(username, now)
}

// ResultSIP notes whether credentials of username at from were right.
func (g *Gate) ResultSIP(from netip.Addr, username string, ok bool) {
	v := sipVisitor{username, source(from)}
	if ok {
		g.sipVisited.add(v)
		g.sipDevices.clear(username)
		return
	}
	g.sipSources.fail(v.source, g.now())
	if !g.sipVisited.has(v) {
		g.sipDevices.fail(username, g.now())
	}
}
