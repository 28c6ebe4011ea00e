// Package server is the companion server as one value: a Config and Run. It
// binds the listeners, opens the store, makes the certificates, starts the
// switchboard (pbx) and the HTTPS side (api), says when all of it serves, and
// drains on stop. It holds no rules of telephony or sync of its own. Its callers
// are cmd/timbred and the tests.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/internal/api"
	"timbre/internal/auth"
	"timbre/internal/mail"
	"timbre/internal/pbx"
	"timbre/internal/store"
	"timbre/internal/voicemail"
)

// Run serves the office in cfg.Data until ctx ends, then ends the calls in
// progress with their records written, and returns when all goroutines are
// gone. It returns nil after a stop, and an error that wraps office.ErrInUse
// or office.ErrNewerSchema, or names the port or file, where it could not
// start; then it changed nothing.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	place, err := cfg.resolve(ctx)
	if err != nil {
		return err
	}
	// Ports first: where one is busy, the data is not even looked at.
	l, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	defer l.close()
	kept, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer kept.Close()
	if cfg.ReadyFile != "" {
		os.Remove(cfg.ReadyFile) // of a server that was killed; an error shows when it is written
	}
	h := &house{cfg: cfg, log: cfg.Log, place: place, listeners: l, store: kept}
	if err := h.build(ctx); err != nil {
		return stopped(ctx, err)
	}
	return stopped(ctx, h.run(ctx))
}

// stopped returns nil where err is only the end of ctx.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return nil
	}
	return err
}

// A house holds the parts of one running server.
type house struct {
	cfg       Config
	log       *slog.Logger
	place     place
	listeners *listeners
	store     *store.Store

	cert  *certificate
	admin net.Listener
	pbx   *pbx.PBX
	mail  *mail.Mailer
	api   *api.Server
	ready atomic.Bool
}

// build makes the parts in the order in which they need each other.
func (h *house) build(ctx context.Context) (err error) {
	if h.cert, err = h.openCertificate(); err != nil {
		return err
	}
	gate := newGate(h.cfg, h.store, h.place, h.listeners.ports())
	h.pbx, err = pbx.New(ctx, pbx.Config{
		Log: h.log, Store: h.store, Gate: gate, Agent: "Timbre/" + Version(), Domain: h.place.domain,
		UDP: h.listeners.udp, TCP: h.listeners.sip, TLS: h.listeners.sips, ServerTLS: h.cert.config(),
		Media: h.place.media(h.cfg), Sounds: h.cfg.Sounds, Disk: h.store.Disk,
	})
	if err != nil {
		return err
	}
	if h.admin, err = listenAdmin(h.cfg.Data); err != nil {
		return err
	}
	h.mail = newMailer(h.cfg, h.store)
	reached := h.listeners.at(h.place.shown)
	if reached.HTTPS != "" { // for who invites while no server runs
		if err := h.store.SetDoor(ctx, reached.HTTPS, h.cert.print); err != nil {
			return fmt.Errorf("noting the address: %w", err)
		}
	}
	h.api = api.New(api.Config{
		Log: h.log, Store: h.store, Gate: gate, Ready: h.ready.Load, Version: Version(),
		Switch: h.pbx, Board: h.pbx, Dialer: h.pbx, Greetings: voicemail.NewGreetings(),
		House:     api.House{Trunks: trunks{h.pbx.Trunks()}, Mailer: h.mail, CertificateEnds: h.cert.ends},
		Listeners: reached, Fingerprint: h.cert.print, SIPSPort: h.listeners.ports().sips,
	})
	return nil
}

// openCertificate returns what is presented over HTTPS and SIPS.
func (h *house) openCertificate() (*certificate, error) {
	if h.cfg.Cert != "" {
		return fileCertificate(h.cfg.Cert, h.cfg.Key, h.log, time.Now)
	}
	a, err := openAuthority(filepath.Join(h.cfg.Data, "tls"), time.Now())
	if err != nil {
		return nil, err
	}
	return ownCertificate(a, h.place.names, h.log, time.Now)
}

// run starts all parts, says that they serve, and waits until ctx ends or one
// of them fails; then it stops all.
func (h *house) run(ctx context.Context) error {
	// The store's housekeeping outlives those that write on their way out.
	keeping, endKeeping := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan error, 1)
	go func() { kept <- h.store.Run(keeping) }()

	parts, serving := errgroup.WithContext(ctx)
	parts.Go(func() error { return h.pbx.Run(serving) })
	parts.Go(func() error { return h.mail.Run(serving) })
	parts.Go(func() error { return h.api.Run(serving, h.listeners.https, h.cert.config(), h.admin) })
	parts.Go(func() error {
		defer h.ready.Store(false)
		if err := h.sayReady(); err != nil {
			return err
		}
		<-serving.Done()
		return nil
	})
	parts.Go(func() error { // the data may be lost to another server
		select {
		case err := <-kept:
			kept <- nil
			return err
		case <-serving.Done():
			return nil
		}
	})
	err := parts.Wait()
	if h.cfg.ReadyFile != "" {
		os.Remove(h.cfg.ReadyFile)
	}
	endKeeping()
	return errors.Join(err, <-kept)
}

// sayReady tells whoever waits that all listeners are up.
func (h *house) sayReady() error {
	h.ready.Store(true)
	r := h.listeners.ready()
	r.Fingerprint = h.cert.print
	if h.cfg.ReadyFile != "" {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := writeFile(h.cfg.ReadyFile, append(b, '\n'), 0o644); err != nil {
			return fmt.Errorf("ready file: %w", err)
		}
	}
	at := h.listeners.at(h.place.shown)
	h.log.Info("serving", "https", at.HTTPS, "sip", at.SIP, "sips", at.SIPS, "domain", h.place.domain, "fingerprint", r.Fingerprint)
	if h.cfg.OnReady != nil {
		h.cfg.OnReady(r)
	}
	return nil
}

// newGate returns the gate of an office whose phones dial the given ports.
func newGate(cfg Config, kept *store.Store, p place, ports ports) *auth.Gate {
	return auth.New(auth.Config{Store: kept, Log: cfg.Log, Domain: p.domain, URIs: p.uris(ports)})
}

// newMailer returns what sends the e-mail of an office.
func newMailer(cfg Config, kept *store.Store) *mail.Mailer {
	return mail.New(mail.Config{Store: kept, Log: cfg.Log})
}

// Version is that of the program: of its module where it was built from a
// release, else of its commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
