package ua

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// A proof is a challenge that we answered and may answer again without being
// asked, with the next count. The zero proof is none.
type proof struct {
	challenge map[string]string
	proxy     bool
	renewed   bool // in place of one whose nonce was too old
	count     uint32
}

// challenged returns the strongest challenge of our realm in res. It reports false
// where there is none: we prove ourselves to our own registrar alone.
func (c *Credentials) challenged(res *sip.Response) (proof, bool) {
	name := "WWW-Authenticate"
	switch res.StatusCode {
	case 401:
	case 407:
		name = "Proxy-Authenticate"
	default:
		return proof{}, false
	}
	var best proof
	for _, h := range res.GetHeaders(name) {
		p := digestParams(h.Value())
		if p == nil || !c.answers(p["realm"]) || p["nonce"] == "" {
			continue
		}
		alg := strings.ToUpper(p["algorithm"])
		if alg == "" {
			alg = algMD5
		}
		if alg != algSHA256 && alg != algMD5 || p["qop"] != "" && !hasAuth(p["qop"]) {
			continue
		}
		p["algorithm"] = alg
		if best.challenge == nil || alg == algSHA256 && best.challenge["algorithm"] != algSHA256 {
			best = proof{challenge: p, proxy: res.StatusCode == 407}
		}
	}
	return best, best.challenge != nil
}

// answers reports whether a challenge in realm is ours to answer.
func (c *Credentials) answers(realm string) bool {
	return realm == c.Realm || c.Trust != nil && c.Trust(realm)
}

func hasAuth(qop string) bool {
	for q := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return true
		}
	}
	return false
}

// proofs are the challenges that one request has met so far: a proxy on the way and
// who is called may each have their own (RFC 3261 §22.3).
type proofs struct {
	auth *Credentials // nil: a challenge is a failure
	met  []proof      // one of each realm, of proxies and of others
}

// maxProofs bounds who may challenge one request.
const maxProofs = 4

// meet takes up the challenge in res. It reports false where the request need not be
// sent again: there is no challenge of ours, or its realm has refused what we know.
// A nonce that is too old is no refusal, once.
func (p *proofs) meet(res *sip.Response) bool {
	if p.auth == nil {
		return false
	}
	now, ok := p.auth.challenged(res)
	if !ok {
		return false
	}
	for i, old := range p.met {
		if old.proxy != now.proxy || old.challenge["realm"] != now.challenge["realm"] {
			continue
		}
		if old.renewed || !strings.EqualFold(now.challenge["stale"], "true") {
			return false
		}
		now.renewed = true
		p.met[i] = now
		return true
	}
	if len(p.met) == maxProofs {
		return false
	}
	p.met = append(p.met, now)
	return true
}

// add puts into req what answers the challenges.
func (p *proofs) add(req *sip.Request) {
	for i := range p.met {
		name, value := p.auth.prove(&p.met[i], string(req.Method), req.Recipient.String())
		req.AppendHeader(sip.NewHeader(name, value))
	}
}

// prove returns the header field that answers p, counted.
func (c *Credentials) prove(p *proof, method, uri string) (name, value string) {
	sha := p.challenge["algorithm"] == algSHA256
	realm, nonce := p.challenge["realm"], p.challenge["nonce"]
	ha1 := hashHex(sha, c.Username, realm, c.Password)
	ha2 := hashHex(sha, method, uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s`,
		quote(c.Username), quote(realm), quote(nonce), quote(uri), p.challenge["algorithm"])
	if p.challenge["qop"] == "" {
		fmt.Fprintf(&b, `, response="%s"`, hashHex(sha, ha1, nonce, ha2))
	} else {
		p.count++
		nc, cnonce := fmt.Sprintf("%08x", p.count), rand.Text()
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s", response="%s"`, nc, cnonce, hashHex(sha, ha1, nonce, nc, cnonce, "auth", ha2))
	}
	if opaque, has := p.challenge["opaque"]; has {
		fmt.Fprintf(&b, `, opaque="%s"`, quote(opaque))
	}
	if p.proxy {
		return "Proxy-Authorization", b.String()
	}
	return "Authorization", b.String()
}

// quote escapes s for a quoted string, without the quotes.
func quote(s string) string {
	if !strings.ContainsAny(s, `\"`) {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
}
