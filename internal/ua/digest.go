package ua

import (
	"context"
	"net/netip"
	"time"
)

// A Digest answers the questions of the challenge. The zero Digest challenges
// nobody.
type Digest struct {
	Realm string
	// HA1 returns the stored hash of username:realm:password, in hexadecimal.
	HA1 func(ctx context.Context, username string, sha256 bool) (ha1 string, ok bool)
	// Allow returns how long username at source must wait before its next try is
	// looked at; 0: now. Nil: never. Such a try is answered 503 with Retry-After.
	Allow func(source netip.Addr, username string) (retryAfter time.Duration)
	// Result is told of every credential that was checked. Nil: nobody.
	Result func(source netip.Addr, username string, ok bool)
}
