// Package app is the desktop shell: it opens the window, shows the login or the
// pages, and joins engine, phone and sound to the models. It is the only caller
// of fyne.Do: models live on the goroutine of the window, and whatever happens
// elsewhere is posted there.
//
// Package main calls Run.
package app

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/lang"

	"timbre/app/desktop"
	"timbre/app/model"
	"timbre/app/view"
	"timbre/app/widget"
	"timbre/internal/office"
	"timbre/softphone/audio"
	"timbre/sync/engine"
)

// Options are how the app runs.
type Options struct {
	Profile string       // folder of the session and its data
	Log     *slog.Logger // nil: discards
	Audio   audio.System // nil: the sound devices
	Offline bool         // never touches the network
	Demo    bool         // a made-up office: the window says what to try

	Stop <-chan struct{} // closed to close the app, as by a signal; nil: never
}

// metadata is what FyneApp.toml says, for a binary that fyne package did not
// make.
var metadata = fyne.AppMetadata{
	ID: "mx.timbre.desktop", Name: "Timbre", Version: "0.1.0", Build: 1,
	Migrations: map[string]bool{"fyneDo": true},
}

// A shell is the running app. Its fields belong to the goroutine of the
// window, but for those that say otherwise.
type shell struct {
	opts    Options
	log     *slog.Logger
	app     fyne.App
	window  fyne.Window
	words   *model.Phrasebook
	desk    *model.Desk
	engine  *engine.Engine // nil until opened
	opened  *engine.Engine // the same, for whoever has waited for work
	login   *view.Login    // shown; nil while logged in
	session *session       // nil while nobody is logged in
	dialog  *widget.Dialog // over the page; may be hidden

	ctx  context.Context
	work sync.WaitGroup // goroutines that live as long as the app; safe for concurrent use
}

// Run shows the app until its window is closed. It is called on the main
// goroutine. The window opens before anything else is done; what goes wrong
// afterwards is said in it.
func Run(o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Audio == nil {
		o.Audio = &audio.Devices{Log: o.Log}
	}
	language := systemLanguage()
	registerTranslations(language)
	desktop.NoStrayBus()
	fyneapp.SetMetadata(metadata)
	a := fyneapp.NewWithID(metadata.ID)
	a.SetIcon(widget.AppIcon())
	a.Settings().SetTheme(newLook())

	ctx, stop := context.WithCancel(context.Background())
	d := &shell{opts: o, log: o.Log, app: a, words: model.NewPhrasebook(language), ctx: ctx}
	d.desk = model.NewDesk(d.words, o.Log, fyne.Do)
	d.open()
	d.work.Go(func() {
		select {
		case <-o.Stop:
			fyne.Do(a.Quit)
		case <-ctx.Done():
		}
	})
	a.Run()

	stop()
	d.desk.Close()
	d.work.Wait()
	if d.opened != nil {
		return d.opened.Close()
	}
	return nil
}

// systemLanguage is what the environment asks for, else the system.
func systemLanguage() office.Language {
	if l := model.Locale(os.Getenv); l != "" {
		return model.LanguageOf(l)
	}
	return model.LanguageOf(string(lang.SystemLocale()))
}

// open shows the window and starts what stands behind it.
func (d *shell) open() {
	w := d.app.NewWindow(d.words.Say("app.name"))
	d.window = w
	w.SetPadded(false)
	w.SetMaster()
	w.SetContent(widget.NewPlane(widget.ColorPage))
	w.Resize(d.savedSize())
	w.Canvas().SetOnTypedKey(func(k *fyne.KeyEvent) {
		if k.Name == fyne.KeyEscape {
			d.escape()
		}
	})
	w.Canvas().SetOnTypedRune(func(r rune) { // digits that no field takes go into the call
		if d.session != nil {
			d.session.phone.Press(r)
		}
	})
	w.SetOnClosed(d.saveSize)
	w.Show()
	d.work.Go(func() {
		e, err := engine.Open(d.opts.Profile, engine.Options{Log: d.log, Offline: d.opts.Offline})
		fyne.Do(func() { d.begin(e, err) })
		if err != nil {
			return
		}
		d.opened = e
		if err := e.Run(d.ctx); err != nil && d.ctx.Err() == nil {
			d.log.Error("engine ended", "err", err)
		}
	})
}

// escape is what the key does where no field takes it.
func (d *shell) escape() {
	switch {
	case d.dialog != nil && d.dialog.Shown():
		d.dialog.Cancel()
	case d.login != nil:
		d.login.Cancel()
	case d.session != nil:
		d.session.shell.HideKeypad()
	}
}

// begin goes on when the profile is open, or says why it is not.
func (d *shell) begin(e *engine.Engine, err error) {
	if err != nil {
		d.log.Error("opening the profile", "err", err)
		text := widget.NewText(d.words.Words(err), widget.TextSize, widget.ColorBad)
		d.window.SetContent(widget.Inset(widget.SpaceXL, text))
		return
	}
	d.engine = e
	d.follow(e.Subscribe())
	if _, in := e.Account(); in {
		d.enter()
	} else {
		d.showLogin()
	}
}

// follow wakes the models after changes, for as long as the app runs.
func (d *shell) follow(s *engine.Subscription) {
	d.work.Go(func() {
		defer s.Close()
		for {
			select {
			case <-d.ctx.Done():
				return
			case <-s.C:
				kinds := s.Changed()
				fyne.Do(func() { d.woken(kinds) })
			}
		}
	})
}

// woken reads again what has changed.
func (d *shell) woken(kinds engine.Kinds) {
	account, in := d.engine.Account()
	switch {
	case in && d.session == nil, in && d.session.account.ID != account.ID: // also a login or another account from the command line
		d.enter()
	case !in && d.session != nil:
		d.leave("")
	case d.session != nil:
		d.session.reload(kinds)
	}
}

// showLogin shows the login page, as the last login left it.
func (d *shell) showLogin() {
	last := d.engine.LastLogin()
	m := model.NewLogin(d.desk, d.engine, last.Server, last.Fingerprint)
	m.Remember(last.Company, last.Extension)
	d.login = view.NewLogin(m, d.words)
	m.OnChange = d.login.Refresh
	m.OnDone = d.enter
	d.window.SetTitle(d.words.Say("app.name"))
	d.window.SetContent(d.login.Object)
	d.login.Focus(d.window.Canvas())
}

// enter shows the pages of who is logged in.
func (d *shell) enter() {
	account, in := d.engine.Account()
	if !in {
		return
	}
	if d.session != nil {
		if d.session.account.ID == account.ID && d.session.account.SIP.Username == account.SIP.Username {
			return
		}
		d.session.close()
	}
	d.login = nil
	d.desk.Region = model.RegionOf(account.Company)
	d.session = newSession(d, account)
	d.window.SetTitle(account.Name + " · " + d.words.Say("app.name"))
	d.window.SetContent(d.session.shell.Object)
}

// leave goes back to the login page; problem is said there.
func (d *shell) leave(problem string) {
	if d.session != nil {
		d.session.close()
		d.session = nil
		d.showLogin()
	}
	if problem != "" {
		d.login.Complain(problem)
	}
}

// ask shows a dialog over the page.
func (d *shell) ask(q *widget.Dialog) {
	d.dialog = q
	q.Show()
}

// The keys under which the size of the window is kept between starts.
const (
	prefWidth  = "window.width"
	prefHeight = "window.height"
)

// savedSize returns the size that the window had last time.
func (d *shell) savedSize() fyne.Size {
	p := d.app.Preferences()
	w := max(p.FloatWithFallback(prefWidth, defaultWidth), float64(sizes[widget.MinWidth]))
	h := max(p.FloatWithFallback(prefHeight, defaultHeight), float64(sizes[widget.MinHeight]))
	return fyne.NewSize(float32(w), float32(h))
}

func (d *shell) saveSize() {
	size, p := d.window.Canvas().Size(), d.app.Preferences()
	p.SetFloat(prefWidth, float64(size.Width))
	p.SetFloat(prefHeight, float64(size.Height))
}

// The size of the window at the first start.
const (
	defaultWidth  = 1080
	defaultHeight = 720
)

// farewell is how long a logout waits for the phone to say good-bye.
const farewell = 3 * time.Second
