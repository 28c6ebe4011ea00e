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

// The colours of the theme by which the test knows what it sees.
const (
	accent, good, warn, bad     = 0x0F766E, 0x15803D, 0xB45309, 0xC62828 // light
	accentDark, goodDark        = 0x2DD4BF, 0x4ADE80
	warnDark, badDark, mutedDot = 0xFBBF24, 0xF87171, 0x9AA8A5
)

// Places in a window of 1280 × 800.
var (
	light  = area{10, 20, 30, 44}     // of the registration
	sign   = area{14, 72, 40, 100}    // of the line under the top bar
	marker = area{295, 145, 312, 170} // of the first message
	player = area{322, 190, 356, 220} // its button
	words  = area{370, 190, 800, 220} // what is said beside it
	bar    = area{0, 740, 900, 796}   // state of the call
	red    = area{1180, 745, 1270, 790}
	green  = area{940, 745, 1080, 790}
	key5   = area{1090, 600, 1150, 650}
)

func (w *walk) spanish() {
	g := w.launch(w.bin, w.profile, []string{"LANG=es_MX.UTF-8", "FYNE_THEME=light"})
	g.see("the button", accent, area{200, 100, 1000, 720})
	g.resize(1280, 800)
	g.picture("login-es")
	w.login(g)
	w.until("the message", func() bool { return len(w.messages()) == 1 })
	g.see("a new message", accent, marker)
	g.picture("voicemail-es")

	g.click(640, 157) // opens the row
	g.see("the player", accent, player)
	g.click(338, 205)
	g.see("that there is no speaker here", bad, words)
	g.picture("voicemail-open-es")

	w.dials(g)
	w.answers(g)

	g.click(130, 169)
	g.see("the missed call", bad, area{300, 280, 340, 460})
	g.picture("calllog-es")
	g.click(130, 125)
	g.see("the row again", accent, player)
	g.click(640, 157)
	g.gone("the player", accent, player)
	g.press("Delete")
	w.until("the message deleted here", func() bool { return !g.shows(accent, marker) })
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
	g.see("the question", warn, area{400, 430, 880, 500})
	g.picture("trust-es")
	g.click(640, 527)
	w.titled(g, "Ana López · Timbre")
	g.see("that it is registered", good, light)
	g.see("that there is no keychain", accent, sign)
	g.picture("no-keychain-es")
	g.click(1254, 86)
	g.gone("that line", accent, sign)
}

// dials calls 102 from the number box, presses a key, is silent and hangs up.
func (w *walk) dials(g *gui) {
	w.t.Helper()
	g.click(500, 32)
	g.write("10 2")
	g.press("Return")
	c := w.taken()
	g.see("the call", bad, red)
	g.picture("call-ringing-es")
	c.Answer()
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.see("the padlock", good, bar)
	g.see("that there is no sound device", warn, sign)
	g.picture("call-es")
	g.click(1254, 86)
	g.gone("that line", warn, sign)
	before := g.shows(0xFFFFFF, key5)
	g.click(1120, 768)
	g.until("the keys", func() bool { return before != g.shows(0xF7F8F8, key5) || g.shows(0x14201F, key5) })
	g.write("5#")
	g.settle()
	g.picture("call-keypad-es")
	g.press("Escape") // the keys go away
	g.click(1000, 768)
	g.point(640, 600) // a button under the pointer has another shade
	g.see("silence", accent, green)
	g.picture("call-muted-es")
	g.click(1225, 768)
	w.over(c)
	g.gone("the call", bad, red)
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
	in.click(80, 144)
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.see("the padlock", good, bar)
	g.picture("call-answered-es")
	c.Hangup()
	w.over(c)
	g.gone("the call", bad, red)
	g.gone("the padlock", good, bar)
	g.settle()
}

func (w *walk) english() {
	g := w.launch(w.bin, w.profile, []string{"LANG=en_US.UTF-8", "FYNE_THEME=dark"})
	w.titled(g, "Ana López · Timbre")
	g.resize(360, 560)
	g.see("that it is registered", goodDark, light)
	g.gone("the line that was closed at the last start", accentDark, area{14, 72, 40, 110})
	g.picture("voicemail-compact-en")
	g.click(180, 532)
	g.see("the missed call", badDark, area{10, 200, 340, 500})
	g.picture("calllog-compact-en")
	g.click(150, 32)
	g.write("102")
	g.press("Return")
	c := w.taken()
	c.Answer()
	if err := w.luis.Reach(w.ctx, c, softphone.Active); err != nil {
		w.t.Fatal(err)
	}
	g.see("the padlock", goodDark, area{40, 100, 320, 300})
	g.picture("call-compact-en")
	c.Hangup()
	w.over(c)
	g.see("the pages again", accentDark, area{120, 505, 240, 555})
	if err := w.office.StopServer(); err != nil {
		w.t.Fatal(err)
	}
	g.see("that it is offline", warnDark, area{14, 72, 40, 110})
	g.see("that it is not registered", mutedDot, light)
	g.picture("offline-compact-en")
	g.click(300, 532)
	g.picture("more-compact-en")
	g.click(300, 482)
	g.see("the question", accentDark, area{220, 320, 340, 370})
	g.picture("logout-compact-en")
	g.click(290, 345)
	w.titled(g, "Timbre")
	g.see("the login page", accentDark, area{30, 380, 330, 460})
	g.picture("login-compact-en")
	g.quit()
}
