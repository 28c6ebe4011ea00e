// Package lamp lights the message lamps of telephones: it tells every device of
// an extension how many voicemails wait there (RFC 3842), those that subscribed
// (RFC 6665) and, unasked, the desk phones that did not. It owns what was told
// to whom; the counts are the store's, the messages on the wire ua's, the
// bindings the registrar's. pbx hands it subscriptions and registrations and
// runs it.
package lamp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// Event is the event package of message lamps.
const Event = "message-summary"

const contentType = "application/simple-message-summary"

// Times of the notifications.
const (
	notifyTime = 10 * time.Second // how long a device may take to answer
	maxExpires = time.Hour        // of a subscription
)

// Config says what a Lamp needs.
type Config struct {
	Store  *store.Store
	Log    *slog.Logger // nil: nothing is logged
	Domain string       // of the office's SIP addresses
	// Notify tells one device; ua.Endpoint's.
	Notify func(ctx context.Context, t ua.Target, event, contentType string, body []byte) error
	// Phones returns the devices of an account that are to be told unasked, at the
	// addresses where they can be reached now.
	Phones func(ctx context.Context, account office.ID) []Phone
}

// A Phone is one registered device.
type Phone struct {
	Username string
	Target   ua.Target
}

// A Lamp keeps the lamps of all devices right. It is safe for concurrent use.
type Lamp struct {
	cfg     Config
	watches sync.WaitGroup

	mu         sync.Mutex
	running    context.Context           // guarded by mu, as is all below; nil until Run, and after
	followed   map[office.ID]chan string // by account: who registered, told to its watch
	subscribed map[string]int            // by user name: how many subscriptions
}

// New returns a Lamp over cfg.Store.
func New(cfg Config) *Lamp {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Lamp{cfg: cfg, followed: map[office.ID]chan string{}, subscribed: map[string]int{}}
}

// Run follows the mailboxes of whoever can be told, first those that outlived a
// restart, until ctx ends.
func (l *Lamp) Run(ctx context.Context) error {
	l.mu.Lock()
	l.running = ctx
	l.mu.Unlock()
	extensions, err := l.cfg.Store.Extensions(ctx)
	if err != nil {
		l.cfg.Log.Error("message lamps not lit at the start", "err", err) // they are at the next registration
	}
	for _, e := range extensions {
		if len(l.cfg.Phones(ctx, e.Account)) > 0 {
			l.follow(e.Account, "")
		}
	}
	<-ctx.Done()
	l.mu.Lock()
	l.running = nil
	l.mu.Unlock()
	l.watches.Wait()
	return nil
}

// Registered tells the device of username, which has just registered, what waits
// for it.
func (l *Lamp) Registered(account office.ID, username string) { l.follow(account, username) }

// follow has the watch of an account tell username; empty: everybody.
func (l *Lamp) follow(account office.ID, username string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == nil || l.running.Err() != nil {
		return
	}
	c, ok := l.followed[account]
	if !ok {
		c = make(chan string, 64)
		l.followed[account] = c
		l.watches.Go(func() { l.watch(l.running, account, c) })
	}
	select {
	case c <- username:
	default: // a device that registers without end
	}
}

// watch tells the phones of one account of every change, and each that registers,
// until nobody is there to be told. It alone receives from registered.
func (l *Lamp) watch(ctx context.Context, account office.ID, registered <-chan string) {
	wake, cancel := l.cfg.Store.SubscribeType(account, store.TypeVoicemail)
	defer cancel()
	var told office.Mailbox
	known := false // whether told is what everybody was told
	for {
		select {
		case username := <-registered:
			l.light(ctx, account, username)
			continue
		case <-wake:
		case <-ctx.Done():
			return
		}
		box, err := l.cfg.Store.Mailbox(ctx, account)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.cfg.Log.Error("mailbox not counted", "account", account, "err", err)
			continue
		case known && box.Messages == told.Messages && box.New == told.New:
		default:
			told, known = box, true
			l.tell(ctx, account, "", box)
		}
		if l.leave(ctx, account, registered) {
			return
		}
	}
}

// leave ends the following of an account that has no phones any more.
func (l *Lamp) leave(ctx context.Context, account office.ID, registered <-chan string) bool {
	if len(l.cfg.Phones(ctx, account)) > 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(registered) > 0 { // somebody came in the meantime
		return false
	}
	delete(l.followed, account)
	return true
}

// light tells the phone of username, or with an empty one all phones of the
// account, what waits.
func (l *Lamp) light(ctx context.Context, account office.ID, username string) {
	box, err := l.cfg.Store.Mailbox(ctx, account)
	if err != nil {
		if ctx.Err() == nil {
			l.cfg.Log.Error("mailbox not counted", "account", account, "err", err)
		}
		return
	}
	l.tell(ctx, account, username, box)
}

// tell sends a state to the phones of an account that have not subscribed, at
// once to all; username limits it to one device.
func (l *Lamp) tell(ctx context.Context, account office.ID, username string, box office.Mailbox) {
	var sending sync.WaitGroup
	for _, p := range l.cfg.Phones(ctx, account) {
		if username != "" && p.Username != username || l.hasSubscribed(p.Username) {
			continue
		}
		sending.Go(func() {
			defer l.survive()
			ctx, cancel := context.WithTimeout(ctx, notifyTime)
			defer cancel()
			if err := l.cfg.Notify(ctx, p.Target, Event, contentType, l.summary(box)); err != nil {
				l.cfg.Log.Debug("message lamp not lit", "account", account, "err", err) // a phone without one says so
			}
		})
	}
	sending.Wait()
}

func (l *Lamp) hasSubscribed(username string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.subscribed[username] > 0
}

// Subscribe serves one subscription of the device of an account until it is
// over.
func (l *Lamp) Subscribe(ctx context.Context, s *ua.Subscription, account office.ID) {
	wake, cancel := l.cfg.Store.SubscribeType(account, store.TypeVoicemail)
	defer cancel()
	if err := s.Accept(maxExpires); err != nil {
		return
	}
	l.count(s.Username, 1)
	defer l.count(s.Username, -1)
	var told office.Mailbox
	for known := false; ; {
		box, err := l.cfg.Store.Mailbox(ctx, account)
		switch {
		case err != nil:
			l.cfg.Log.Error("mailbox not counted", "account", account, "err", err)
		case !known || box.Messages != told.Messages || box.New != told.New:
			if err := s.Notify(contentType, l.summary(box)); errors.Is(err, ua.ErrClosed) {
				return
			}
			told, known = box, true
		}
		select {
		case <-wake:
		case <-s.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// count counts the subscriptions of username.
func (l *Lamp) count(username string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subscribed[username] += n; l.subscribed[username] == 0 {
		delete(l.subscribed, username)
	}
}

// summary is the state of a mailbox in the words of RFC 3842 §5.2.
func (l *Lamp) summary(box office.Mailbox) []byte {
	waiting := "no"
	if box.New > 0 {
		waiting = "yes"
	}
	return fmt.Appendf(nil, "Messages-Waiting: %s\r\nMessage-Account: sip:*97@%s\r\nVoice-Message: %d/%d (0/0)\r\n",
		waiting, l.cfg.Domain, box.New, box.Messages-box.New)
}

// survive ends a panic with the notification in which it happened.
func (l *Lamp) survive() {
	if r := recover(); r != nil {
		l.cfg.Log.Error("panic in a notification", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}
