package ua

import (
	"context"
	"crypto/hmac"
	"crypto/md5" // RFC 7616 §3.2: what third-party phones speak
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/sipguard"
)

// A Digest answers the questions of the challenge. The zero Digest challenges
// nobody.
type Digest struct {
	Realm string
	// HA1 returns the stored hash of username:realm:password, in hexadecimal;
	// office.ErrNotFound: there is no such user. Another error says that nobody knows
	// now: the try is answered 503 with Retry-After, and Result is not told of it.
	HA1 func(ctx context.Context, username string, sha256 bool) (ha1 string, err error)
	// Allow returns how long username at source must wait before its next try is
	// looked at; 0: now. Nil: never. Such a try is answered 503 with Retry-After.
	Allow func(source netip.Addr, username string) (retryAfter time.Duration)
	// Result is told of every credential that was checked. Nil: nobody.
	Result func(source netip.Addr, username string, ok bool)
}

// The names of the algorithms on the wire (RFC 8760).
const (
	algSHA256 = "SHA-256"
	algMD5    = "MD5"
)

// hashHex returns the hash of the parts joined by colons, in hexadecimal.
func hashHex(sha bool, parts ...string) string {
	s := []byte(strings.Join(parts, ":"))
	if sha {
		sum := sha256.Sum256(s)
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum(s)
	return hex.EncodeToString(sum[:])
}

// A challenger makes and checks challenges (RFC 7616). Its nonces carry their own
// time and proof, so that a challenge costs no memory; only those that were used
// are remembered, to let each nonce count be used once.
type challenger struct {
	Digest
	key   [32]byte // signs nonces and stands in for the hashes of unknown users
	used  nonceLog
	told  wrongLog
	clock func() time.Time
}

// nonceTime is how long a nonce is good.
const nonceTime = 5 * time.Minute

func newChallenger(d Digest) *challenger {
	if d.HA1 == nil {
		return nil
	}
	c := &challenger{Digest: d, clock: time.Now}
	rand.Read(c.key[:])
	return c
}

// nonce returns a fresh nonce: its time, a random number, and a MAC of both.
func (c *challenger) nonce(now time.Time) string {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli()))
	rand.Read(b[8:16])
	copy(b[16:], c.mac(b[:16]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (c *challenger) mac(b []byte) []byte {
	h := hmac.New(sha256.New, c.key[:])
	h.Write(b)
	h.Write([]byte(c.Realm))
	return h.Sum(nil)[:16]
}

// issued returns when one of our own nonces was made; ok is false for others'.
func (c *challenger) issued(nonce string) (at time.Time, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 32 || !hmac.Equal(b[16:], c.mac(b[:16])) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b))), true
}

// challenge returns the response that asks for credentials. The weak algorithm
// comes first, against RFC 8760 §2.3: many phones and sipp look no further than
// the first field and fail at a name that they do not know, while those that know
// better choose for themselves, as ours does.
func (c *challenger) challenge(e *Endpoint, req *sip.Request, stale bool) *sip.Response {
	res := e.response(req, 401)
	nonce := c.nonce(c.clock())
	suffix := `", qop="auth"`
	if stale {
		suffix += ", stale=true"
	}
	for _, alg := range []string{algMD5, algSHA256} {
		if alg == algSHA256 && brokenBySHA(header(req, "User-Agent")) {
			continue
		}
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="`+c.Realm+`", algorithm=`+alg+`, nonce="`+nonce+suffix))
	}
	return res
}

// brokenBySHA reports whether agent fails to register where SHA-256 is so much as
// mentioned: baresip before 3, tried with 1.0.0 of Debian 12.
func brokenBySHA(agent string) bool {
	for _, old := range []string{"baresip v0.", "baresip v1.", "baresip v2."} {
		if strings.HasPrefix(agent, old) {
			return true
		}
	}
	return false
}

// A verdict is what the check of credentials came to.
type verdict int

const (
	proved verdict = iota
	missing
	stale
	wrong
	misdirected // they are for another request
)

// awayTime is after how long a user may try again whose hash could not be read.
const awayTime = 5 * time.Second

// verify checks the credentials in req. The work is the same for a user that does
// not exist, whose hash is made up and whose name is not returned: it may be anything.
func (c *challenger) verify(ctx context.Context, req *sip.Request, source netip.Addr) (username string, v verdict, retry time.Duration) {
	p := c.credentials(req)
	if p == nil {
		return "", missing, 0
	}
	if !isFor(p["uri"], req) {
		return "", misdirected, 0
	}
	username = p["username"]
	if c.Allow != nil {
		if retry = c.Allow(source, username); retry > 0 {
			return username, wrong, retry
		}
	}
	sha := strings.EqualFold(p["algorithm"], algSHA256)
	ha1, err := c.HA1(ctx, username, sha)
	known := err == nil
	switch {
	case errors.Is(err, office.ErrNotFound):
		ha1 = hashHex(sha, string(c.key[:]), username)
	case err != nil:
		return "", wrong, awayTime
	}
	ha2 := hashHex(sha, string(req.Method), p["uri"])
	want := hashHex(sha, ha1, p["nonce"], ha2)
	if p["qop"] != "" {
		want = hashHex(sha, ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"], ha2)
	}
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(p["response"]))) == 1
	at, ours := c.issued(p["nonce"])
	if !ours { // of another server, or of us before a restart
		return username, stale, 0
	}
	if c.Result != nil {
		c.Result(source, username, known && right)
	}
	switch {
	case !known:
		return "", wrong, 0
	case !right:
		return username, wrong, 0
	}
	now := c.clock()
	if now.Sub(at) > nonceTime || !c.used.take(p["nonce"], at, nonceCount(p), now) {
		return username, stale, 0
	}
	return username, proved, 0
}

// isFor reports whether uri, which credentials hold good for, is whom req is for (RFC
// 7616 §3.4.6). By which name an office goes, telephones write in many ways; and some,
// as sipp does, name nothing but the office.
func isFor(uri string, req *sip.Request) bool {
	a, ok := parseAddress(uri)
	return ok && (a.user == "" || unescape(a.user) == unescape(req.Recipient.User))
}

// nonceCount returns the nc of credentials; those without qop may use a nonce once.
func nonceCount(p map[string]string) uint64 {
	if p["qop"] == "" {
		return 1
	}
	n, err := strconv.ParseUint(p["nc"], 16, 32)
	if err != nil {
		return 0
	}
	return n
}

// credentials returns the parameters of the first Authorization that is for our
// realm and complete, or nil.
func (c *challenger) credentials(req *sip.Request) map[string]string {
	for _, h := range req.GetHeaders("Authorization") {
		p := digestParams(h.Value())
		if p == nil || p["realm"] != c.Realm || p["username"] == "" || p["nonce"] == "" || p["uri"] == "" || p["response"] == "" {
			continue
		}
		alg := p["algorithm"]
		if alg != "" && !strings.EqualFold(alg, algMD5) && !strings.EqualFold(alg, algSHA256) {
			continue
		}
		if qop := p["qop"]; qop != "" && (qop != "auth" || p["nc"] == "" || p["cnonce"] == "") {
			continue
		}
		return p
	}
	return nil
}

// digestParams reads "Digest name=value, …", names in lower case; nil for another
// scheme or what makes no sense.
func digestParams(v string) map[string]string {
	scheme, rest, _ := strings.Cut(v, " ")
	if !strings.EqualFold(scheme, "Digest") || len(v) > 4096 {
		return nil
	}
	p := map[string]string{}
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil
		}
		after = strings.TrimLeft(after, " \t")
		var value string
		if strings.HasPrefix(after, `"`) {
			n := sipguard.Quoted([]byte(after))
			if n == 0 {
				return nil
			}
			value, rest = unquote(after[1:n-1]), after[n:]
		} else {
			i := strings.IndexAny(after, ", \t")
			if i < 0 {
				i = len(after)
			}
			value, rest = after[:i], after[i:]
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := p[name]; twice {
			return nil
		}
		p[name] = value
	}
	return p
}

// authenticate returns the user that req's credentials prove. Where they do not,
// it answers and returns false. Where nobody is challenged the user is empty.
func (e *Endpoint) authenticate(req *sip.Request, tx sip.ServerTransaction, source netip.Addr) (username string, ok bool) {
	c := e.digest
	if c == nil {
		e.prove(req)
		return "", true
	}
	username, v, retry := c.verify(e.ctx, req, source)
	switch {
	case retry > 0:
		e.dismiss(req, tx, 503, Headers{"Retry-After": strconv.Itoa(int(retry.Seconds()) + 1)})
		return "", false
	case v == proved:
		e.prove(req)
		return username, true
	case v == misdirected:
		e.dismiss(req, tx, 400)
		return "", false
	}
	if v == wrong && c.told.first(customer(source), c.clock()) {
		e.log.Info("wrong credentials", "source", source, "device", username) // empty: nobody's
	}
	if err := tx.Respond(c.challenge(e, req, v == stale)); err != nil {
		e.log.Debug("response not sent", "err", err)
	}
	// A challenge is made anew for a retransmission: nothing is kept of it, and
	// nothing sent again to an address that a stranger made up.
	tx.Terminate()
	return "", false
}
