package ua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
)

// secrets is a Digest that knows the one user "dana".
func secrets(result func(netip.Addr, string, bool)) Digest {
	return Digest{
		Realm: "timbre",
		HA1: func(_ context.Context, username string, sha bool) (string, error) {
			switch username {
			case "dana":
				return hashHex(sha, "dana", "timbre", "secret"), nil
			case "later":
				return "", errors.New("the store is away")
			}
			return "", office.ErrNotFound
		},
		Result: result,
	}
}

// authorized returns a REGISTER with these Authorization parameters.
func authorized(t *testing.T, authorization string) *sip.Request {
	t.Helper()
	var uri sip.Uri
	if err := sip.ParseUri("sip:office.test", &uri); err != nil {
		t.Fatal(err)
	}
	req := sip.NewRequest(sip.REGISTER, uri)
	if authorization != "" {
		req.AppendHeader(sip.NewHeader("Authorization", authorization))
	}
	return req
}

func TestDigestVerdicts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	type result struct {
		user string
		ok   bool
	}
	var results []result
	c := newChallenger(secrets(func(_ netip.Addr, u string, ok bool) { results = append(results, result{u, ok}) }))
	c.clock = func() time.Time { return now }
	source := netip.MustParseAddr("192.0.2.1")
	good := Credentials{Username: "dana", Password: "secret", Realm: "timbre"}
	madeFor := func(uri string, cred Credentials, alg, nonce, qop string, count uint32) string {
		p := proof{challenge: map[string]string{"realm": cred.Realm, "nonce": nonce, "algorithm": alg, "qop": qop}, count: count}
		_, v := cred.prove(&p, "REGISTER", uri)
		return v
	}
	made := func(cred Credentials, alg, nonce, qop string, count uint32) string {
		return madeFor("sip:office.test", cred, alg, nonce, qop, count)
	}
	nonce := c.nonce(now)
	for _, s := range []struct {
		name  string
		value string
		want  verdict
		after time.Duration // before the check
	}{
		{"none", "", missing, 0},
		{"SHA-256", made(good, algSHA256, nonce, "auth", 0), proved, 0},
		{"the same count again", made(good, algSHA256, nonce, "auth", 0), stale, 0},
		{"MD5, the next count", made(good, algMD5, nonce, "auth", 1), proved, 0},
		{"counts may come out of order", made(good, algMD5, nonce, "auth", 9), proved, 0},
		{"and fill the gap", made(good, algMD5, nonce, "auth", 4), proved, 0},
		{"but once", made(good, algMD5, nonce, "auth", 4), stale, 0},
		{"far below the window", made(good, algMD5, nonce, "auth", 999), proved, 0},
		{"is refused", made(good, algMD5, nonce, "auth", 20), stale, 0},
		{"without qop once", made(good, algMD5, c.nonce(now), "", 0), proved, 0},
		{"without qop on a used nonce", made(good, algMD5, nonce, "", 0), stale, 0},
		{"wrong password", made(Credentials{Username: "dana", Password: "guess", Realm: "timbre"}, algSHA256, nonce, "auth", 5000), wrong, 0},
		{"unknown user", made(Credentials{Username: "eve", Password: "secret", Realm: "timbre"}, algSHA256, nonce, "auth", 5001), wrong, 0},
		{"other realm", made(Credentials{Username: "dana", Password: "secret", Realm: "other"}, algSHA256, nonce, "auth", 5002), missing, 0},
		{"other server's nonce", made(good, algSHA256, "abc", "auth", 0), stale, 0},
		{"other scheme", "NoOneKnowsThisScheme opaque-data=here", missing, 0},
		{"unknown algorithm", made(good, "SHA-512-256", nonce, "auth", 5003), missing, 0},
		{"garbage", `Digest username="dana`, missing, 0},
		{"a parameter twice", made(good, algMD5, nonce, "auth", 5004) + `, username="eve"`, missing, 0},
		{"for another number", madeFor("sip:911@office.test", good, algMD5, nonce, "auth", 5006), misdirected, 0},
		{"for no address", madeFor("*", good, algMD5, nonce, "auth", 5007), misdirected, 0},
		{"for the same by another name", madeFor("sip:192.0.2.7:5060;transport=tcp", good, algMD5, nonce, "auth", 5008), proved, 0},
		{"too old", made(good, algSHA256, nonce, "auth", 5005), stale, nonceTime + time.Second},
	} {
		now = now.Add(s.after)
		user, v, retry := c.verify(t.Context(), authorized(t, s.value), source)
		if v != s.want || retry != 0 {
			t.Errorf("%s: verdict %d, want %d", s.name, v, s.want)
		}
		if v == proved && user != "dana" {
			t.Errorf("%s: proved %q", s.name, user)
		}
		if v == wrong && (user != "") != strings.Contains(s.value, `username="dana"`) {
			t.Errorf("%s: %q would be logged", s.name, user)
		}
	}
	if len(results) == 0 {
		t.Error("nobody was told of the results")
	}
	for _, r := range results {
		if r.ok != (r.user == "dana") && r.user != "dana" {
			t.Errorf("result %+v", r)
		}
	}
}

func TestDigestAsksWhetherItMayLook(t *testing.T) {
	d := secrets(func(netip.Addr, string, bool) { t.Error("the credentials were checked") })
	d.Allow = func(netip.Addr, string) time.Duration { return 7 * time.Second }
	c := newChallenger(d)
	p := proof{challenge: map[string]string{"realm": "timbre", "nonce": c.nonce(time.Now()), "algorithm": algMD5, "qop": "auth"}}
	_, v := (&Credentials{Username: "dana", Password: "secret", Realm: "timbre"}).prove(&p, "REGISTER", "sip:office.test")
	if _, _, retry := c.verify(t.Context(), authorized(t, v), netip.MustParseAddr("192.0.2.1")); retry != 7*time.Second {
		t.Errorf("retry after %v", retry)
	}
}

func TestChallengeIsAnsweredOnlyInOurRealm(t *testing.T) {
	res := sip.NewResponse(401, "Unauthorized")
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="evil", nonce="n", qop="auth"`))
	c := Credentials{Username: "dana", Password: "secret", Realm: "timbre"}
	known := proofs{auth: &c}
	if known.meet(res) {
		t.Error("another realm was answered")
	}
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="timbre", nonce="n", algorithm=MD5, qop="auth,auth-int"`))
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="timbre", nonce="n", algorithm=SHA-256, qop="auth"`))
	if !known.meet(res) {
		t.Fatal("our own realm was not answered")
	}
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "x", Host: "y"})
	known.add(req)
	if value := header(req, "Authorization"); !strings.Contains(value, "algorithm=SHA-256") {
		t.Errorf("answered with %q", value)
	}
}

// TestChallengesOnOneWay sends one request through whoever challenges it, and counts
// the answers that it carries at its next try; 0: there is none.
func TestChallengesOnOneWay(t *testing.T) {
	type challenge struct {
		code  int
		realm string
		stale bool
		want  int
	}
	for name, way := range map[string][]challenge{
		"wrong password":            {{401, "timbre", false, 1}, {401, "timbre", false, 0}},
		"a nonce that is too old":   {{401, "timbre", false, 1}, {401, "timbre", true, 1}, {401, "timbre", true, 0}},
		"a proxy and who is called": {{407, "timbre", false, 1}, {401, "timbre", false, 2}, {407, "timbre", false, 0}},
		"two proxies":               {{407, "a", false, 1}, {407, "b", false, 2}, {407, "a", true, 2}, {486, "", false, 0}},
		"proxies without an end":    {{407, "a", false, 1}, {407, "b", false, 2}, {407, "c", false, 3}, {407, "d", false, 4}, {407, "e", false, 0}},
		"nobody that we trust":      {{407, "evil", false, 0}},
	} {
		known := proofs{auth: &Credentials{Username: "dana", Password: "secret", Realm: "timbre", Trust: func(realm string) bool { return realm != "evil" }}}
		for i, c := range way {
			res := sip.NewResponse(c.code, "")
			field := "WWW-Authenticate"
			if c.code == 407 {
				field = "Proxy-Authenticate"
			}
			res.AppendHeader(sip.NewHeader(field, fmt.Sprintf(`Digest realm=%q, nonce="n%d", stale=%v`, c.realm, i, c.stale)))
			req, got := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "x", Host: "y"}), 0
			if known.meet(res) {
				known.add(req)
				got = len(req.GetHeaders("Authorization")) + len(req.GetHeaders("Proxy-Authorization"))
			}
			if got != c.want {
				t.Errorf("%s: %d answers to challenge %d, want %d", name, got, i, c.want)
			}
		}
	}
	if (&proofs{}).meet(sip.NewResponse(401, "")) {
		t.Error("answered by who knows no password")
	}
}

func TestNonceLogIsBounded(t *testing.T) {
	var l nonceLog
	now := time.Unix(1_800_000_000, 0)
	first := now
	for i := range 3*maxNonces + 10 {
		now = now.Add(time.Millisecond)
		if !l.take(fmt.Sprint(i), now, 1, now) {
			t.Fatalf("nonce %d is refused", i)
		}
	}
	if n := len(l.recent) + len(l.older); n > 2*maxNonces {
		t.Errorf("%d nonces are remembered", n)
	}
	if l.take("0", first, 1, now) {
		t.Error("a forgotten nonce is accepted again")
	}
}

// TestRegisterOnTheWire looks at what strangers see: the same for users that
// exist and that do not.
func TestRegisterOnTheWire(t *testing.T) {
	told := func(_ netip.Addr, username string, ok bool) {
		if username == "later" {
			t.Errorf("%q counts as %v", username, ok)
		}
	}
	cfg := Config{Agent: "Timbre", Digest: secrets(told), OnRegister: func(_ context.Context, r *Registration) { r.Accept(r.Contacts) }}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e := start(t, cfg)
	p := dialRaw(t, "tcp", at(e, "tcp"))
	register := func(i int, user, password, agent string) string {
		req := func(i int, authorization string) string {
			fmt.Fprint(p, crlf(fmt.Sprintf(`REGISTER sip:office.test SIP/2.0
Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKr%d;rport
From: <sip:%s@office.test>;tag=1
To: <sip:%s@office.test>
Call-ID: r
CSeq: %d REGISTER
Contact: <sip:%s@127.0.0.1:9>
User-Agent: %s
%sContent-Length: 0

`, i, user, user, i, user, agent, authorization)))
			return p.read(t)
		}
		first := req(i, "")
		if password == "" {
			return first
		}
		res := sip.NewResponse(401, "Unauthorized")
		for line := range strings.SplitSeq(first, "\r\n") {
			if v, ok := strings.CutPrefix(line, "WWW-Authenticate: "); ok {
				res.AppendHeader(sip.NewHeader("WWW-Authenticate", v))
			}
		}
		auth := &Credentials{Username: user, Password: password, Realm: "timbre"}
		challenge, ok := auth.challenged(res)
		if !ok {
			t.Fatalf("no challenge in\n%s", first)
		}
		name, value := auth.prove(&challenge, "REGISTER", "sip:office.test")
		return req(i+1, name+": "+value+"\n")
	}
	first := register(10, "dana", "", "phone")
	for _, want := range []string{"SIP/2.0 401 ", "algorithm=SHA-256", "algorithm=MD5", `qop="auth"`, `realm="timbre"`} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
	if old := register(20, "dana", "", "baresip v1.0.0 (x86_64/linux)"); strings.Contains(old, "SHA-256") {
		t.Errorf("a phone that cannot bear it is offered SHA-256:\n%s", old)
	}
	for range 2 { // and again: it is nobody's fault
		if res := register(60, "later", "secret", "phone"); !strings.HasPrefix(res, "SIP/2.0 503 ") || !strings.Contains(res, "Retry-After: ") {
			t.Errorf("while nobody can say who is right:\n%s", res)
		}
	}
	if good := register(30, "dana", "secret", "phone"); !strings.HasPrefix(good, "SIP/2.0 200 ") || !strings.Contains(good, "Contact: <sip:dana@127.0.0.1:9>") {
		t.Errorf("registered:\n%s", good)
	}
	known, unknown := register(40, "dana", "guess", "phone"), register(50, "eve", "guess", "phone")
	if a, b := shape(known), shape(unknown); a != b || !strings.HasPrefix(known, "SIP/2.0 401 ") {
		t.Errorf("known and unknown user can be told apart:\n%s\n%s", a, b)
	}
}

// shape returns a response without what differs from one to the next.
func shape(msg string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(msg, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "WWW-Authenticate" {
			_, rest, _ := strings.Cut(value, `nonce="`)
			b.WriteString(value[:strings.Index(value, "nonce")] + rest[strings.Index(rest, `"`):])
		}
		b.WriteString(name + "\n")
	}
	return b.String()
}
