package lamp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen.
const patient = 20 * time.Second

// A house is an office with one mailbox and its lamp, on a real endpoint.
type house struct {
	*Lamp
	store   *store.Store
	account office.ID
	addr    netip.AddrPort // of the endpoint
	desk    *desk          // registered without a subscription; nil: none
}

// open makes one; the lamp runs until the test is over.
func open(t *testing.T, withDesk bool, before ...func(*house)) *house {
	t.Helper()
	h := &house{}
	var err error
	if h.store, err = store.Open(t.Context(), store.Config{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	e, err := h.store.AddExtension(t.Context(), office.Extension{Number: "101", Name: "Ana"}, "none")
	if err != nil {
		t.Fatal(err)
	}
	h.account = e.Account
	if withDesk {
		h.desk = newDesk(t)
	}
	for _, f := range before {
		f(h)
	}
	conn := listen(t)
	h.addr = addr(conn)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	endpoint, err := ua.New(ua.Config{
		Log: log, Host: "office.test", UDP: conn, Events: []string{Event},
		OnSubscribe: func(ctx context.Context, s *ua.Subscription) { h.Subscribe(ctx, s, h.account) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Lamp = New(Config{Store: h.store, Log: log, Domain: "office.test", Notify: endpoint.Notify, Phones: h.phones})
	run(t, endpoint.Run)
	run(t, h.Run)
	return h
}

// run runs what runs until the test is over.
func run(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

func (h *house) phones(context.Context, office.ID) []Phone {
	if h.desk == nil {
		return nil
	}
	return []Phone{{Username: "desk", Target: ua.Target{URI: "sip:desk@" + h.desk.addr.String(), Transport: "udp", Addr: h.desk.addr}}}
}

// leave puts a message into the mailbox.
func (h *house) leave(t *testing.T) office.ID {
	t.Helper()
	r := store.Recording{ID: office.NewID(), Account: h.account, Call: office.NewID(), StartedAt: time.Now()}
	if err := h.store.BeginRecording(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	v, err := h.store.AddVoicemail(t.Context(), store.NewVoicemail{Recording: r, ReceivedAt: time.Now(), Duration: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// set marks messages as heard, or deletes them.
func (h *house) set(t *testing.T, s store.VoicemailSet) {
	t.Helper()
	if _, err := h.store.SetVoicemails(t.Context(), h.account, s); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func addr(conn net.PacketConn) netip.AddrPort {
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// A desk is a desk phone on a socket of its own: it answers every NOTIFY and
// keeps what it says.
type desk struct {
	conn  net.PacketConn
	addr  netip.AddrPort
	heard chan string // of each notification: Subscription-State and body
	final chan string // status lines of the answers to its own requests
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{conn: listen(t), heard: make(chan string, 64), final: make(chan string, 64)}
	d.addr = addr(d.conn)
	var reading sync.WaitGroup
	reading.Go(d.read)
	t.Cleanup(func() { d.conn.Close(); reading.Wait() })
	return d
}

func (d *desk) read() {
	b := make([]byte, 65536)
	seen := map[string]bool{} // a NOTIFY that is sent again is no second one
	for {
		n, from, err := d.conn.ReadFrom(b)
		if err != nil {
			return
		}
		head, body, _ := strings.Cut(string(b[:n]), "\r\n\r\n")
		first, rest, _ := strings.Cut(head, "\r\n")
		if strings.HasPrefix(first, "SIP/2.0 ") {
			d.final <- strings.Fields(first)[1]
			continue
		}
		if !strings.HasPrefix(first, "NOTIFY ") {
			continue
		}
		answer := "SIP/2.0 200 OK\r\n"
		for line := range strings.SplitSeq(rest, "\r\n") {
			switch name, _, _ := strings.Cut(strings.ToLower(line), ":"); strings.TrimSpace(name) {
			case "via", "from", "to", "call-id", "cseq":
				answer += line + "\r\n"
			}
		}
		d.conn.WriteTo([]byte(answer+"Content-Length: 0\r\n\r\n"), from)
		if id := field(rest, "Call-ID") + field(rest, "CSeq"); !seen[id] {
			seen[id] = true
			state, _, _ := strings.Cut(field(rest, "Subscription-State"), ";")
			d.heard <- strings.TrimSpace(state + " " + field(body, "Messages-Waiting") + " " + field(body, "Voice-Message"))
		}
	}
}

// field returns a header field, also of a body that looks like a header.
func field(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// subscribe asks the endpoint at to for the state; 0 ends the subscription.
func (d *desk) subscribe(t *testing.T, to netip.AddrPort, expires int) {
	t.Helper()
	message := fmt.Sprintf("SUBSCRIBE sip:101@office.test SIP/2.0\r\nVia: SIP/2.0/UDP %[1]s;branch=z9hG4bK%[2]d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:101@office.test>;tag=desk\r\nTo: <sip:101@office.test>\r\nCall-ID: sub@desk\r\nCSeq: 1 SUBSCRIBE\r\n"+
		"Contact: <sip:desk@%[1]s>\r\nEvent: message-summary\r\nAccept: application/simple-message-summary\r\nExpires: %[3]d\r\nContent-Length: 0\r\n\r\n",
		d.addr, time.Now().UnixNano(), expires)
	if _, err := d.conn.WriteTo([]byte(message), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
	select {
	case status := <-d.final:
		if status != "200" {
			t.Fatalf("SUBSCRIBE is answered %s", status)
		}
	case <-time.After(patient):
		t.Fatal("SUBSCRIBE is not answered")
	}
}

// hears waits for a notification, which must be want.
func (d *desk) hears(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-d.heard:
		if got != want {
			t.Errorf("heard %q, not %q", got, want)
		}
	case <-time.After(patient):
		t.Fatalf("%q is not heard", want)
	}
}

// silent checks that nothing more was heard by now.
func (d *desk) silent(t *testing.T) {
	t.Helper()
	select {
	case got := <-d.heard:
		t.Errorf("heard %q unasked", got)
	default:
	}
}

func TestDeskPhoneIsToldUnasked(t *testing.T) {
	t.Parallel()
	h := open(t, true)
	h.desk.hears(t, "terminated no 0/0 (0/0)") // at the start
	h.Registered(h.account, "desk")
	h.desk.hears(t, "terminated no 0/0 (0/0)")
	id := h.leave(t)
	h.desk.hears(t, "terminated yes 1/0 (0/0)")
	second := h.leave(t)
	h.desk.hears(t, "terminated yes 2/0 (0/0)")
	h.set(t, store.VoicemailSet{IsNew: map[office.ID]bool{id: false}})
	h.desk.hears(t, "terminated yes 1/1 (0/0)")
	h.set(t, store.VoicemailSet{Destroy: []office.ID{second}})
	h.desk.hears(t, "terminated no 0/1 (0/0)")
	h.Registered(h.account, "desk")
	h.desk.hears(t, "terminated no 0/1 (0/0)")
	h.Registered(h.account, "another")
	h.Registered(h.account, "desk")
	h.desk.hears(t, "terminated no 0/1 (0/0)")
	h.desk.silent(t)
}

func TestLampIsRightAfterARestart(t *testing.T) {
	t.Parallel()
	h := open(t, true, func(h *house) { h.leave(t) })
	h.desk.hears(t, "terminated yes 1/0 (0/0)")
}

func TestSubscriberIsToldInItsSubscription(t *testing.T) {
	t.Parallel()
	h := open(t, false)
	d := newDesk(t)
	d.subscribe(t, h.addr, 600)
	d.hears(t, "active no 0/0 (0/0)")
	h.leave(t)
	d.hears(t, "active yes 1/0 (0/0)")
	if err := h.store.SetCompany(t.Context(), office.Company{Number: "+525555550100", Region: "MX"}); err != nil {
		t.Fatal(err)
	}
	h.leave(t) // what is told next: nothing was in between
	d.hears(t, "active yes 2/0 (0/0)")
	d.silent(t)
}

func TestSubscriberIsNotToldTwice(t *testing.T) {
	t.Parallel()
	h := open(t, true)
	h.desk.hears(t, "terminated no 0/0 (0/0)")
	box := office.Mailbox{Messages: 1, New: 1}
	h.count("desk", 1) // as a subscription of the same device does
	h.tell(t.Context(), h.account, "", box)
	h.desk.silent(t)
	h.count("desk", -1)
	h.tell(t.Context(), h.account, "", box)
	h.desk.hears(t, "terminated yes 1/0 (0/0)")
}

func TestSummary(t *testing.T) {
	l := New(Config{Domain: "office.test"})
	got := string(l.summary(office.Mailbox{Messages: 10, New: 2}))
	if want := "Messages-Waiting: yes\r\nMessage-Account: sip:*97@office.test\r\nVoice-Message: 2/8 (0/0)\r\n"; got != want {
		t.Errorf("%q", got)
	}
}
