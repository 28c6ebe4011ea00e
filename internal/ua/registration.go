package ua

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
)

// A Contact is an address at which a device can be reached.
type Contact struct {
	URI     string        // as registered
	Expires time.Duration // asked for or granted; 0 removes the contact; negative: not said
	Q       float64       // preference from 0 to 1; 1 where not said
}

// A Registration is one REGISTER of an authenticated device, to be answered once
// with Accept or Reject; OnRegister's return without either answers 500.
type Registration struct {
	Username  string // proved by the digest; empty where nobody is challenged
	User      string // user part of the address of record, unescaped
	Contacts  []Contact
	All       bool // "Contact: *": remove every contact
	CallID    string
	Sequence  uint32
	Source    netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
	Agent     string // User-Agent, cleaned

	e    *Endpoint
	req  *sip.Request
	tx   sip.ServerTransaction
	once sync.Once
}

// maxContacts bounds the contacts of one REGISTER.
const maxContacts = 16

// keepTime is how long the answer to a REGISTER over UDP is kept for its
// retransmissions: long enough for those, not the 32 s of the RFC, which at 500 a
// second would be memory.
const keepTime = 5 * time.Second

// onREGISTER authenticates a REGISTER and hands it to Config.OnRegister.
func (e *Endpoint) onREGISTER(req *sip.Request, tx sip.ServerTransaction) {
	if e.cfg.OnRegister == nil {
		e.dismiss(req, tx, 405, Headers{"Allow": e.allow})
		return
	}
	if s := req.To().Address.Scheme; s != "sip" && s != "sips" { // RFC 3261 §10.2
		e.dismiss(req, tx, 400)
		return
	}
	source, _ := netip.ParseAddrPort(req.Source())
	username, ok := e.authenticate(req, tx, source.Addr())
	if !ok {
		return
	}
	r := &Registration{
		Username: username, User: unescape(req.To().Address.User),
		CallID: req.CallID().Value(), Sequence: req.CSeq().SeqNo,
		Source: source, Transport: sip.NetworkToLower(req.Transport()), Agent: office.CleanName(header(req, "User-Agent")),
		e: e, req: req, tx: tx,
	}
	if !r.readContacts() {
		e.answer(req, tx, 400)
		return
	}
	e.cfg.OnRegister(e.ctx, r)
	r.Reject(500) // does nothing where it was answered
	if r.Transport == "udp" {
		time.AfterFunc(keepTime, tx.Terminate)
	}
}

// readContacts fills in Contacts and All. It reports false for "*" beside others
// or with an expiry, and for more contacts than make sense.
func (r *Registration) readContacts() bool {
	def := seconds(header(r.req, "Expires"))
	headers := r.req.GetHeaders("Contact")
	if len(headers) > maxContacts {
		return false
	}
	for _, h := range headers {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			return false
		}
		if c.Address.Wildcard {
			r.All = true
			continue
		}
		contact := Contact{URI: c.Address.String(), Expires: def, Q: 1}
		for _, p := range c.Params {
			switch strings.ToLower(strings.TrimSpace(p.K)) {
			case "expires":
				if d := seconds(strings.TrimSpace(p.V)); d >= 0 {
					contact.Expires = d
				}
			case "q":
				if q, err := strconv.ParseFloat(p.V, 64); err == nil && q >= 0 && q <= 1 {
					contact.Q = q
				}
			}
		}
		r.Contacts = append(r.Contacts, contact)
	}
	return !r.All || len(r.Contacts) == 0 && def == 0
}

// seconds reads a number of seconds; a larger one than a week counts as a week, and
// what is none as -1.
func seconds(s string) time.Duration {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return -1
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		n = 1 << 32
	}
	return time.Duration(min(n, 7*24*3600)) * time.Second
}

// Accept answers 200 with the contacts that are now bound.
func (r *Registration) Accept(bound []Contact) error {
	res := r.e.response(r.req, 200)
	for _, c := range bound {
		v := "<" + c.URI + ">;expires=" + strconv.Itoa(int(c.Expires/time.Second))
		if strings.ContainsAny(c.URI, "<>\r\n\"") {
			continue
		}
		if c.Q > 0 && c.Q < 1 {
			v += ";q=" + strconv.FormatFloat(c.Q, 'f', -1, 64)
		}
		res.AppendHeader(sip.NewHeader("Contact", v))
	}
	res.AppendHeader(sip.NewHeader("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	return r.respond(res)
}

// Reject refuses the registration with a status from 300 to 699.
func (r *Registration) Reject(code int, headers ...Headers) error {
	return r.respond(r.e.response(r.req, code, headers...))
}

func (r *Registration) respond(res *sip.Response) error {
	err := ErrClosed
	r.once.Do(func() { err = r.tx.Respond(res) })
	return err
}
