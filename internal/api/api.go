// Package api is the HTTPS side of the companion server: login sessions and
// administration (OpenAPI 3.1), JMAP (RFC 8620) with downloads and the event
// source, health and metrics. It keeps nothing of its own: what it answers is
// read from the store, who may ask is decided by auth. Calls are none of its
// business but for what Switch, Board and Dialer tell and do. Its callers are server,
// which runs it, and cmd/timbred, which administers through Admin. It is the
// only importer of net/http on the server.
package api

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
)

// A Config says what a Server needs.
type Config struct {
	Log     *slog.Logger
	Store   *store.Store
	Gate    *auth.Gate
	Ready   func() bool // whether all of the server serves; nil: it does not
	Version string

	// The telephone side; nil where nothing rings and the server only administers.
	Switch    Switch
	Board     Board     // nil: everybody is offline
	Dialer    Dialer    // nil: POST /v1/calls is not served
	Greetings Greetings // nil: greetings cannot be uploaded

	House House // what only administrators ask about

	Listeners   Listeners
	Fingerprint office.Fingerprint // of the office's authority; empty: the system's roots decide
	SIPSPort    int                // that phones of login sessions dial, on the host by which they came; 0: as Gate says
}

// A Server answers HTTPS and administration requests. It is safe for
// concurrent use; its goroutines live within Run.
type Server struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	streams *streams
	busy    *counts // JMAP requests in progress by session

	uploading  *counts // uploads in progress by account
	converting *counts // uploads being made greetings by account
	clicks     *clicks
	presence   *presence
	packers    sync.Pool // of *gzip.Writer: a new one takes more than most answers

	public http.Handler // for the world
	admin  http.Handler // for whoever may open the admin socket
}

// New returns a Server that is not yet listening.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg, log: cfg.Log, streams: newStreams(), busy: newCounts(),
		uploading: newCounts(), converting: newCounts(), presence: newPresence(cfg.Store, cfg.Board),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.packers.New = func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a valid level
		return z
	}
	s.clicks = newClicks(cfg.Store, s.log)
	s.metrics = newMetrics(s)
	administration := s.routes(s.adminRoutes, s.adminPlain)
	s.public = s.guard(s.routes(s.publicRoutes, func(mux *http.ServeMux) {
		s.jmapRoutes(mux)
		s.adminOverHTTPS(mux, administration)
	}))
	s.admin = s.guard(administration)
	return s
}

// publicRoutes adds what users do outside JMAP.
func (s *Server) publicRoutes(a huma.API) {
	s.sessionRoutes(a)
	s.accountRoutes(a)
	s.callRoutes(a)
	s.invitationRoutes(a)
}

// Admin returns the administration without a socket between: for an office
// that no server is running on.
func (s *Server) Admin() *Admin { return &Admin{direct{s.admin}} }

// routes returns a mux with health, the description of its own operations, and
// what the given functions add.
func (s *Server) routes(operations func(huma.API), plain func(*http.ServeMux)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	describe(mux, s.cfg.Version, operations)
	plain(mux)
	return mux
}

// Limits of a connection.
const (
	maxConnections     = 4096
	maxOfAddress       = 512 // an office may be behind one address
	maxHeader          = 16 << 10
	headerTime         = 10 * time.Second
	idleTime           = 2 * time.Minute
	answerTime         = time.Minute // to write an answer that is neither download nor event stream
	drainTime          = 5 * time.Second
	maxStreamsOfClient = 64 // concurrent requests on one HTTP/2 connection
)

// Run serves the public side on https, with the given TLS settings, and the
// administration on admin until ctx ends; event streams end at once, other
// requests get a few seconds. It closes both listeners and returns when its
// goroutines are gone. A nil listener is not served.
func (s *Server) Run(ctx context.Context, https net.Listener, settings *tls.Config, admin net.Listener) error {
	var running []*http.Server
	ended := make(chan error, 2)
	var parts sync.WaitGroup
	defer parts.Wait()
	if https != nil {
		srv := s.server(s.public)
		settings = settings.Clone()
		settings.NextProtos = []string{"h2", "http/1.1"}
		srv.TLSConfig = settings.Clone() // which it changes
		running = append(running, srv)
		l := newHandshaker(limit(https, maxConnections, maxOfAddress), settings, s.log)
		parts.Go(l.run)
		go func() { ended <- srv.Serve(l) }()
	}
	if admin != nil {
		srv := s.server(s.admin)
		running = append(running, srv)
		go func() { ended <- srv.Serve(admin) }()
	}
	watching, endWatching := context.WithCancel(ctx)
	parts.Go(func() { s.presence.run(watching, s.log) })
	defer endWatching()
	var err error
	left := len(running)
	select {
	case <-ctx.Done():
	case err = <-ended: // a listener broke
		left--
	}
	s.streams.endAll()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, srv := range running {
		if srv.Shutdown(drain) != nil {
			srv.Close()
		}
	}
	for ; left > 0; left-- {
		if e := <-ended; err == nil {
			err = e
		}
	}
	s.streams.wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// server returns a bounded HTTP server. It has no WriteTimeout, which would end
// event streams: guard sets a deadline for each answer.
func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreamsOfClient, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // handshakes of strangers
	}
}

// guard counts every request, bounds its body and its answer in time and keeps one
// that panics from ending the process.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, awaited := bounded(w, r)
		answer := &counted{ResponseWriter: w, status: http.StatusOK, begin: func() { awaited.leave(w.Header(), r.ProtoMajor) }}
		began := time.Now()
		defer func() {
			p := recover()
			if p != nil {
				answer.fail(p, s.log, r.URL.Path)
			}
			s.metrics.request(r, answer.status, time.Since(began))
			if p != nil && answer.begun {
				// Half an answer must not be taken for a whole one.
				panic(http.ErrAbortHandler)
			}
		}()
		http.NewResponseController(w).SetWriteDeadline(began.Add(answerTime))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(answer, r)
		if !answer.begun {
			answer.WriteHeader(http.StatusOK)
		}
	})
}

// counted remembers the status of an answer.
type counted struct {
	http.ResponseWriter
	status int
	begun  bool
	begin  func() // is called before the answer begins
}

func (c *counted) WriteHeader(status int) {
	if !c.begun {
		c.begin()
		c.status, c.begun = status, true
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if !c.begun {
		c.begin()
		c.begun = true
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// fail answers 500 if nothing was answered yet.
func (c *counted) fail(panicked any, log *slog.Logger, path string) {
	if panicked != http.ErrAbortHandler {
		log.Error("request panicked", "path", path, "panic", panicked)
	}
	if !c.begun {
		c.begin()
		http.Error(c.ResponseWriter, "the server could not do it; its log says why", http.StatusInternalServerError)
		c.status = http.StatusInternalServerError
	}
}
