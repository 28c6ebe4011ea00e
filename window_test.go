package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// TestWindow works the app in a real window as a person would: logs in, hears
// of a message, dials, is called, deletes the message and logs out; once wide,
// light and in Spanish, once narrow, dark and in English.
func TestWindow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	for program, pkg := range map[string]string{"Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "dbus-daemon": "dbus"} {
		if err := officetest.Have(program, pkg); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	if err := officetest.Build(ctx, bin); err != nil {
		t.Fatal(err)
	}
	o, err := officetest.Start(ctx, officetest.Options{Bin: bin, People: []officetest.Person{
		{Extension: "101", Name: "Ana López", Ring: 5 * time.Second},
		{Extension: "102", Name: "Luis Peña"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	speakToVoicemail(t, ctx, o)
	luis, err := o.Phone(ctx, "102", officetest.PhoneOptions{Hz: 1000})
	if err != nil {
		t.Fatal(err)
	}
	truth, err := o.Login(ctx, "101") // what the office knows, seen from another device
	if err != nil {
		t.Fatal(err)
	}
	s := newScreen(t)
	w := &walk{screen: s, t: t, ctx: ctx, office: o, luis: luis, truth: truth, bin: bin, profile: filepath.Join(t.TempDir(), "profile")}
	w.spanish()
	w.english()
}

// A walk is one person's way through the app.
type walk struct {
	*screen
	t            *testing.T
	ctx          context.Context
	office       *officetest.Office
	luis         *officetest.Phone
	truth        *engine.Engine
	bin, profile string
}

// messages returns what the server has for 101.
func (w *walk) messages() []local.Voicemail {
	w.t.Helper()
	if err := w.truth.SyncOnce(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	m, err := w.truth.Voicemails(w.ctx, local.Filter{})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// titled waits until the window has a title.
func (w *walk) titled(g *gui, title string) {
	w.t.Helper()
	w.until("the title "+title, func() bool {
		name, err := w.output("xdotool", "getwindowname", g.window)
		return err == nil && name == title
	})
	g.settle()
}

// taken waits for a call to 102.
func (w *walk) taken() *softphone.Call {
	w.t.Helper()
	select {
	case c := <-w.luis.Incoming:
		return c
	case <-time.After(20 * time.Second):
		w.picture("failed")
		w.t.Fatal("102 does not ring")
		return nil
	}
}

// over waits for the end of a call.
func (w *walk) over(c *softphone.Call) {
	w.t.Helper()
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		w.picture("failed")
		w.t.Fatalf("the call goes on: %+v", c.Status())
	}
}

// Places in a window of 1280 × 800.
const (
	boxX, boxY           = 500, 32
	navX, mailY, callsY  = 130, 125, 169
	rowX, rowY           = 640, 157
	playX, playY         = 338, 205
	crossX, crossY       = 1254, 86
	barY                 = 768
	muteX, keypadX, endX = 1000, 1120, 1225
	userX, userY         = 1210, 32
)

func (w *walk) spanish() {
	g := w.launch(w.bin, w.profile, []string{"LANG=es_MX.UTF-8", "FYNE_THEME=light"})
	g.resize(1280, 800)
	g.picture("login-es")
	w.login(g)
	w.until("the message", func() bool { return len(w.messages()) == 1 })
	g.settle()
	g.picture("voicemail-es")

	g.click(rowX, rowY) // opens the row
	g.click(playX, playY)
	g.picture("voicemail-open-es")

	w.dials(g)
	w.answers(g)

	g.click(navX, callsY)
	g.picture("calllog-es")
	g.click(navX, mailY)
	g.click(rowX, rowY)
	g.press("Delete")
	g.settle()
	g.picture("voicemail-deleted-es")
	w.until("the message deleted in the office", func() bool { return len(w.messages()) == 0 })

	g.quit()
}

// login types what 101 knows, looks at the office's fingerprint and trusts it.
func (w *walk) login(g *gui) {
	w.t.Helper()
	for i, text := range []string{string(officetest.Company), "101", w.office.Person("101").Password, w.office.Ready.HTTPS} {
		if i > 0 {
			g.press("Tab")
		}
		g.write(text)
	}
	g.press("Return")
	g.settle()
	g.picture("trust-es")
	g.click(640, 527)
	w.titled(g, "Ana López · Timbre")
	g.picture("no-keychain-es")
	g.click(crossX, crossY) // the line that says that there is no keychain
}

// dials calls 102 from the number box, mutes, presses a key and hangs up.
func (w *walk) dials(g *gui) {
	w.t.Helper()
	g.click(boxX, boxY)
	g.write("10 2")
	g.settle()
	g.press("Return")
	c := w.taken()
	g.settle()
	g.picture("call-ringing-es")
	c.Answer()
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.settle()
	g.picture("call-es")
	g.click(crossX, crossY) // the line that says that there is no sound device
	g.click(keypadX, barY)
	g.picture("call-keypad-es")
	g.click(rowX, 600) // beside the keys: they go away
	g.click(muteX, barY)
	g.picture("call-muted-es")
	g.click(endX, barY)
	w.over(c)
	g.settle()
}

// answers takes a call in the small window, which must not take the keyboard.
func (w *walk) answers(g *gui) {
	w.t.Helper()
	c, err := w.luis.Call("101")
	if err != nil {
		w.t.Fatal(err)
	}
	small := ""
	w.until("the window of the call", func() bool {
		id, err := w.output("xdotool", "search", "--onlyvisible", "--name", "^Llamada entrante$")
		small = strings.Fields(id + " -")[0]
		return err == nil && id != ""
	})
	g.settle()
	g.picture("incoming-es")
	if active, _ := w.output("xdotool", "getactivewindow"); active != g.window {
		w.t.Errorf("the keyboard went from window %s to %s (the call is %s)", g.window, active, small)
	}
	in := *g
	in.window = small
	in.click(240, 144)
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.settle()
	g.picture("call-answered-es")
	c.Hangup()
	w.over(c)
	g.settle()
}

func (w *walk) english() {
	g := w.launch(w.bin, w.profile, []string{"LANG=en_US.UTF-8", "FYNE_THEME=dark"})
	w.titled(g, "Ana López · Timbre")
	g.resize(360, 560)
	g.picture("no-keychain-en")
	g.click(336, 90)
	g.picture("voicemail-compact-en")
	g.click(180, 532)
	g.picture("calllog-compact-en")
	g.click(150, 32)
	g.write("102")
	g.press("Return")
	c := w.taken()
	c.Answer()
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.settle()
	g.picture("call-compact-en")
	g.changed("the call off the screen", func() {
		c.Hangup()
		w.over(c)
	})
	g.changed("the list again", func() { g.press("Escape") })
	g.changed("the line that says offline", func() {
		if err := w.office.StopServer(); err != nil {
			w.t.Fatal(err)
		}
	})
	g.picture("offline-compact-en")
	g.click(300, 532)
	g.picture("more-compact-en")
	g.click(300, 482)
	g.picture("logout-compact-en")
	g.click(290, 345)
	w.titled(g, "Timbre")
	g.picture("login-compact-en")
	g.quit()
}
