package app

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"

	"timbre/app/model"
	"timbre/app/view"
	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// A session is everything that exists while somebody is logged in: the pages
// with their models, and the phone.
type session struct {
	d       *shell
	account engine.Account

	voicemail *model.Voicemail
	calllog   *model.CallLog
	phone     *model.Phone
	standing  *model.Standing
	shell     *view.Shell
	incoming  *incomingWindow
	bell      func() // stops the ringing; nil while nothing rings

	calendar func() // stops looking at it

	stop context.CancelFunc // of the phone
	gone chan struct{}      // closed when the phone has said good-bye
}

// The places of the navigation, in their order.
const (
	placeVoicemail = iota
	placeCallLog
)

// newSession builds the pages, reads them and starts the phone.
func newSession(d *shell, account engine.Account) *session {
	s := &session{d: d, account: account}
	e := d.engine
	s.voicemail = model.NewVoicemail(d.desk, e, d.openSound)
	s.calllog = model.NewCallLog(d.desk, e)
	s.phone = model.NewPhone(d.desk)
	s.phone.NameOf = s.nameOf
	s.standing = model.NewStanding(d.desk, e.Status, e.Account, s.phone)
	s.standing.Demo = d.opts.Demo
	s.standing.KnowsFile = d.app.Preferences().Bool(s.fileKey())
	s.standing.OnKnown = func() { d.app.Preferences().SetBool(s.fileKey(), true) }
	s.standing.Reload()

	mail := view.NewVoicemail(s.voicemail, d.words)
	calls := view.NewCallLog(s.calllog, d.words, d.desk.Now)
	mail.OnDownload = s.download
	s.shell = view.NewShell(s.standing, s.phone, d.words, []view.Place{
		placeVoicemail: {Icon: "voicemail", Text: d.words.Say("nav.voicemail"), Short: d.words.Say("nav.voicemail.short"), Page: mail.Object, Badge: s.unheard},
		placeCallLog:   {Icon: "calllog", Text: d.words.Say("nav.calllog"), Short: d.words.Say("nav.calllog.short"), Page: calls.Object, Badge: s.unseen},
	})
	s.shell.OnPlace = s.placed
	s.shell.OnLogout = s.askLogout
	s.incoming = newIncomingWindow(d, s.phone)

	s.voicemail.OnChange = func() { mail.Refresh(); s.notice(); s.see() }
	s.voicemail.OnTick = mail.Tick
	s.voicemail.OnDial = s.callBack
	s.calllog.OnChange = func() { calls.Refresh(); s.see() }
	s.calllog.OnDial = s.callBack
	s.standing.OnChange = s.shell.Refresh
	s.phone.OnChange = func() { s.standing.Reload(); s.incoming.refresh(); s.ring() }
	s.phone.OnTick = s.shell.Tick

	s.reload(engine.Voicemails | engine.Calls | engine.StatusKind)
	day := d.desk.Now().YearDay()
	s.calendar = d.desk.Every(time.Minute, func() { // "hoy" becomes "ayer"
		if now := d.desk.Now().YearDay(); now != day {
			day = now
			s.reload(engine.Voicemails | engine.Calls)
		}
	})
	s.startPhone()
	return s
}

// reload reads again what has changed.
func (s *session) reload(kinds engine.Kinds) {
	if kinds&engine.Voicemails != 0 {
		s.voicemail.Reload()
		s.voicemail.TellRefused(s.d.engine)
	}
	if kinds&engine.Calls != 0 {
		s.calllog.Reload()
	}
	if kinds&engine.StatusKind != 0 {
		s.standing.Reload()
	}
}

// startPhone registers this device until the session is closed.
func (s *session) startPhone() {
	ctx, stop := context.WithCancel(s.d.ctx)
	s.stop, s.gone = stop, make(chan struct{})
	phone, err := softphone.New(softphone.Config{
		Log: s.d.log, Audio: s.d.opts.Audio,
		Account: softphone.Account{
			SIPAccount: s.account.SIP, Extension: s.account.Extension, Name: s.account.Name, Fingerprint: s.account.Fingerprint,
		},
		OnRegistration: func(r softphone.Registration) { fyne.Do(func() { s.phone.SetRegistration(r) }) },
		OnIncoming:     func(c *softphone.Call) { s.update(c, c.Status()) },
		OnCall:         s.update,
	})
	if err != nil || s.d.opts.Offline {
		close(s.gone)
		if err != nil {
			s.d.log.Error("starting the phone", "err", err)
			s.phone.SetRegistration(softphone.Registration{State: softphone.Refused, Err: err})
		}
		return
	}
	s.phone.Connect(func(n office.Number) (model.Call, error) {
		c, err := phone.Call(n)
		if err != nil {
			return nil, err
		}
		return c, nil
	})
	s.d.work.Go(func() {
		defer close(s.gone)
		if err := phone.Run(ctx); err != nil {
			s.d.log.Error("phone ended", "err", err)
			fyne.Do(func() { s.phone.SetRegistration(softphone.Registration{State: softphone.Offline, Err: err}) })
		}
	})
}

// update takes a change of a call to the window's goroutine.
func (s *session) update(c *softphone.Call, status softphone.Status) {
	fyne.Do(func() { s.phone.Update(c, status) })
	s.rate(c, status) // it writes to the disk; the window does not wait for that
}

// rate gives the engine how an answered call sounded, once it is over.
func (s *session) rate(c *softphone.Call, status softphone.Status) {
	if status.State != softphone.Ended || status.AnsweredAt.IsZero() || status.LogID == "" {
		return
	}
	if err := s.d.engine.AddQuality(s.d.ctx, status.LogID, c.Quality().Office()); err != nil {
		s.d.log.Warn("quality not kept", "call", status.LogID, "err", err)
	}
}

// ring starts and stops the bell with the incoming call.
func (s *session) ring() {
	ringing := s.phone.Talk != nil && s.phone.Talk.Ringing
	switch {
	case ringing && s.bell == nil:
		ctx, stop := context.WithCancel(s.d.ctx)
		s.bell = stop
		s.d.ringBell(ctx)
	case !ringing && s.bell != nil:
		s.bell()
		s.bell = nil
	}
}

// nameOf returns under which name a number was last heard of; empty for a
// stranger.
func (s *session) nameOf(n office.Number) string {
	for _, r := range s.calllog.Rows {
		if r.Party.Number == n && r.Party.Name != "" {
			return r.Party.Name
		}
	}
	for _, r := range s.voicemail.Rows {
		if r.Party.Number == n && r.Party.Name != "" {
			return r.Party.Name
		}
	}
	return ""
}

// callBack dials somebody from a list.
func (s *session) callBack(who office.Party) { s.phone.DialParty(who) }

// notice shows what the voicemail page has to say at its foot.
func (s *session) notice() {
	v, say := s.voicemail, s.d.words.Say
	switch {
	case v.Undo != "":
		s.shell.SetNotice(v.Undo, "delete", say("voicemail.undo"), v.Restore, nil)
	default:
		s.shell.SetNotice(v.Notice, "info", "", nil, v.CloseNotice)
	}
}

// download asks where to put the sound of a message.
func (s *session) download(id office.ID) {
	folder, err := os.UserHomeDir()
	if err != nil {
		folder = os.TempDir()
	}
	for _, name := range []string{"Descargas", "Downloads"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.IsDir() {
			folder = filepath.Join(folder, name)
			break
		}
	}
	s.d.ask(view.NewSave(s.d.window.Canvas(), s.d.words, folder, s.voicemail.FileName(id), func(path string) {
		s.voicemail.Download(id, path)
	}))
}

// askLogout asks before logging out.
func (s *session) askLogout() {
	s.d.ask(view.NewLogout(s.d.window.Canvas(), s.d.words, s.standing.Leaving(), func(wipe bool) {
		s.close()
		gone := s.gone
		s.d.desk.Go(func(ctx context.Context) func() { // the phone unregisters while its secret is still good
			select {
			case <-gone:
			case <-time.After(farewell):
			case <-ctx.Done():
			}
			return func() { s.standing.Logout(s.d.engine, wipe, s.d.loggedOut) }
		})
	}))
}

// loggedOut shows the login page, with what could not be done.
func (d *shell) loggedOut(problem string) { d.leave(problem) }

// close takes the phone off the line and stops what sounds. The pages stay on
// the screen until others take their place.
func (s *session) close() {
	s.stop()
	s.calendar()
	s.phone.Connect(nil)
	s.voicemail.Player.Pause()
	s.incoming.close()
	s.ring()
}

// fileKey is where it is kept that the user has read how the session of this
// profile is kept.
func (s *session) fileKey() string { return "known.file." + s.d.opts.Profile }

// The badges count what came in since the page was last seen; when that was is
// kept between starts.

// seenKey is where it is kept for the i-th place.
func (s *session) seenKey(i int) string {
	return "seen." + string(s.account.ID) + "." + []string{"voicemail", "calllog"}[i]
}

func (s *session) seen(i int) time.Time {
	return time.UnixMilli(int64(s.d.app.Preferences().Float(s.seenKey(i))))
}

func (s *session) unheard() int {
	n, seen := 0, s.seen(placeVoicemail)
	for _, r := range s.voicemail.Rows {
		if r.IsNew && r.ReceivedAt.After(seen) {
			n++
		}
	}
	return n
}

func (s *session) unseen() int {
	n, seen := 0, s.seen(placeCallLog)
	for _, at := range s.calllog.Missed {
		if at.After(seen) {
			n++
		}
	}
	return n
}

// placed notes that the user looks at the i-th page.
func (s *session) placed(i int) {
	if i != placeVoicemail {
		s.voicemail.Player.Pause()
	}
	s.see()
}

// see remembers that all there is on the page that is shown has been seen. It
// goes by the newest row, not by the clock of this machine.
func (s *session) see() {
	shown := s.shell.Shown()
	newest := time.Time{}
	if shown == placeVoicemail && len(s.voicemail.Rows) > 0 {
		newest = s.voicemail.Rows[0].ReceivedAt
	}
	if shown == placeCallLog && len(s.calllog.Missed) > 0 {
		newest = s.calllog.Missed[0]
	}
	if newest.After(s.seen(shown)) {
		s.d.app.Preferences().SetFloat(s.seenKey(shown), float64(newest.UnixMilli()))
	}
	s.shell.RefreshBadges()
}
