// Package mail sends the office's e-mail: to users, of messages that were left
// for them and of what concerns their mailbox, and to the administrator, of what
// needs a person. It owns the words of a letter, the schedule of its tries and
// the conversation with the mail server (RFC 5321). What is to be sent are rows
// of the store, each written in one commit with what it tells of; nothing is
// kept here. server runs it.
package mail

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"timbre/internal/office"
	"timbre/internal/store"
)

// Config says what a Mailer needs.
type Config struct {
	Store *store.Store
	Log   *slog.Logger     // nil: nothing is logged
	Now   func() time.Time // nil: time.Now
	Roots *x509.CertPool   // whom a mail server's certificate must come from; nil: the system's
}

// A Mailer sends what waits in the store. It is safe for concurrent use.
type Mailer struct{ cfg Config }

// New returns a Mailer, which sends once Run is called.
func New(cfg Config) *Mailer {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Mailer{cfg}
}

const (
	// lease is how long a claimed letter is nobody else's: longer than sending takes.
	lease = 3 * time.Minute
	// restTime is how long Run rests where nothing says when to go on, or the
	// store cannot.
	restTime = time.Minute
	// maxReason is how much of a server's answer is kept.
	maxReason = 200
)

// Run sends each letter when it is due, one after the other, until ctx ends. A
// letter that the server does not take is tried again for two days, with the
// same Message-ID; one that it refuses for good is given up at once.
func (m *Mailer) Run(ctx context.Context) error {
	written, cancel := m.cfg.Store.Mailed()
	defer cancel()
	configured, cancel := m.cfg.Store.Configured()
	defer cancel()
	for ctx.Err() == nil {
		rest := m.sendDue(ctx)
		select {
		case <-written:
		case <-configured:
		case <-time.After(rest):
		case <-ctx.Done():
		}
	}
	return nil
}

// sendDue sends all that is due and returns how long nothing will be.
func (m *Mailer) sendDue(ctx context.Context) (rest time.Duration) {
	for ctx.Err() == nil {
		mailing, password, err := m.cfg.Store.Mailing(ctx)
		if errors.Is(err, office.ErrNotFound) { // the letters wait for one
			return restTime
		}
		if err != nil {
			return m.rest(ctx, err)
		}
		letter, ok, err := m.cfg.Store.ClaimMail(ctx, lease)
		if err != nil {
			return m.rest(ctx, err)
		}
		if !ok {
			break
		}
		if err := m.settle(ctx, letter, m.send(ctx, letter, mailing, password)); err != nil {
			return m.rest(ctx, err)
		}
	}
	due, ok, err := m.cfg.Store.NextMail(ctx)
	switch {
	case err != nil:
		return m.rest(ctx, err)
	case !ok:
		return restTime
	}
	return min(max(due.Sub(m.cfg.Now()), time.Second), restTime)
}

// rest is what to do where the store cannot.
func (m *Mailer) rest(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil {
		m.cfg.Log.Error("mail not read", "err", err)
	}
	return restTime
}

// settle notes what became of a letter.
func (m *Mailer) settle(ctx context.Context, letter store.Mail, sent error) error {
	ctx = context.WithoutCancel(ctx) // what the server took must not be sent again
	log := m.cfg.Log.With("mail", letter.ID, "kind", letter.Notice.Kind, "attempt", letter.Attempts)
	if sent == nil {
		log.Info("mail sent")
		return m.cfg.Store.MailSent(ctx, letter.ID)
	}
	again, ok := next(letter.CreatedAt, m.cfg.Now(), letter.Attempts)
	if !ok || isRefused(sent) {
		again = time.Time{}
		log.Error("mail given up", "err", sent)
	} else {
		log.Warn("mail not sent", "err", sent, "again", again)
	}
	err := m.cfg.Store.MailFailed(ctx, letter.ID, reason(sent), again)
	if errors.Is(err, office.ErrNotFound) {
		return nil
	}
	return err
}

// reason returns an error as it is kept: one line, not too long.
func reason(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

// send writes a letter and hands it over. A panic is an error like any other.
func (m *Mailer) send(ctx context.Context, letter store.Mail, mailing office.Mailing, password string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			m.cfg.Log.Error("panic in an e-mail", "mail", letter.ID, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	r, err := newRelay(mailing, password, m.cfg.Roots)
	if err != nil {
		return err
	}
	message, err := m.message(ctx, letter, mailing.From)
	if err != nil {
		return err
	}
	return r.send(ctx, message)
}

// message puts a letter into the form of RFC 5322.
func (m *Mailer) message(ctx context.Context, letter store.Mail, from string) (*gomail.Msg, error) {
	company, err := m.cfg.Store.Company(ctx)
	if err != nil && !errors.Is(err, office.ErrNoCompany) {
		return nil, fmt.Errorf("writing an e-mail: %w", err)
	}
	language := office.Spanish
	if letter.Account != "" {
		e, err := m.cfg.Store.ExtensionOf(ctx, letter.Account)
		if err != nil && !errors.Is(err, office.ErrNotFound) {
			return nil, fmt.Errorf("writing an e-mail: %w", err)
		}
		language = e.Language
	}
	notice := letter.Notice
	sound, err := m.sound(ctx, letter)
	if err != nil {
		return nil, err
	}
	notice.Attach = sound != nil
	words := write(notice, company, language)

	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	sender := mail.Address{Name: company.Name, Address: from}
	if err := errors.Join(msg.From(sender.String()), msg.To(letter.To)); err != nil {
		return nil, fmt.Errorf("addressing an e-mail: %w", err)
	}
	msg.SetGenHeaderPreformatted(gomail.HeaderSubject, encoded(words.subject))
	msg.SetDateWithValue(letter.CreatedAt)
	msg.SetMessageIDWithValue(messageID(letter.MessageID, from))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no absence notes, please
	msg.SetBodyString(gomail.TypeTextPlain, words.body)
	if sound != nil {
		name := "timbre-" + notice.At.In(company.Location()).Format("2006-01-02-1504") + ".mp3"
		if err := msg.AttachReader(name, bytes.NewReader(sound), gomail.WithFileContentType(office.VoicemailType)); err != nil {
			return nil, fmt.Errorf("attaching a message: %w", err)
		}
	}
	return msg, nil
}

// messageID returns id in the domain that a letter comes from: receivers distrust
// one of nowhere.
func messageID(id, from string) string {
	local, _, _ := strings.Cut(id, "@")
	if at := strings.LastIndexByte(from, '@'); at >= 0 {
		return local + from[at:]
	}
	return id
}

// encoded returns text as encoded words (RFC 2047 §2), also where it needs none:
// a caller's name may look like one.
func encoded(text string) string {
	const most = 42 // bytes, so that a word has at most 75 characters
	var words []string
	for text != "" {
		n := min(most, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return strings.Join(words, "\r\n ")
}

// sound returns the message that a letter carries; none where it carries none,
// or the message is deleted by now.
func (m *Mailer) sound(ctx context.Context, letter store.Mail) ([]byte, error) {
	if !letter.Notice.Attach {
		return nil, nil
	}
	found, err := m.cfg.Store.Voicemails(ctx, letter.Account, letter.Notice.Voicemail)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	f, _, err := m.cfg.Store.OpenBlob(ctx, letter.Account, found[0].BlobID)
	if errors.Is(err, office.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("attaching a message: %w", err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Test sends a letter to the given address now, through the server that is set,
// and returns what went wrong. ErrNotFound: none is set.
func (m *Mailer) Test(ctx context.Context, to string) error {
	mailing, password, err := m.cfg.Store.Mailing(ctx)
	if err != nil {
		return fmt.Errorf("reading the mail server: %w", err)
	}
	id := office.NewID()
	return m.send(ctx, store.Mail{
		ID: id, To: to, MessageID: string(id) + "@timbre", CreatedAt: m.cfg.Now(),
		Notice: office.Notice{Kind: office.NoticeTest},
	}, mailing, password)
}
