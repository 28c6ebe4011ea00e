package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"timbre/internal/office"
)

// metrics are the figures of one server. They are shown on the
// admin socket, and over HTTPS to an administrator's token.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	times    prometheus.Histogram
	logins   *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "timbre_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		times: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "timbre_http_request_seconds", Help: "Time to answer a request that is no event stream.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 7),
		}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "timbre_logins_total", Help: "Attempts to log in, by result.",
		}, []string{"result"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(
		m.requests, m.times, m.logins,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("timbre_live_calls", "Calls going on.", func() float64 { return float64(s.liveCalls()) }),
		gauge("timbre_registered_devices", "Devices that can be reached.", func() float64 { return float64(len(s.registered())) }),
		gauge("timbre_event_streams", "Event streams open.", func() float64 { return float64(s.streams.count()) }),
		gauge("timbre_trunks", "Lines to the outside.", s.lookedUp(func(ctx context.Context) (int64, error) {
			all, err := s.cfg.Store.Trunks(ctx)
			return int64(len(all)), err
		})),
		gauge("timbre_trunks_up", "Lines to the outside that work.", func() float64 { return float64(s.trunksUp()) }),
		gauge("timbre_mails_waiting", "E-mails to send, with those that are held.", s.lookedUp(func(ctx context.Context) (int64, error) {
			st, err := s.cfg.Store.MailStatus(ctx)
			return int64(st.Waiting + st.Held), err
		})),
		gauge("timbre_mails_given_up", "E-mails that the mail server did not take.", s.lookedUp(func(ctx context.Context) (int64, error) {
			st, err := s.cfg.Store.MailStatus(ctx)
			return int64(st.GivenUp), err
		})),
		gauge("timbre_disk_used_bytes", "In use of the disk of the data folder.", s.lookedUp(func(ctx context.Context) (int64, error) {
			used, _, err := s.cfg.Store.Disk(ctx)
			return used, err
		})),
		gauge("timbre_disk_bytes", "Size of the disk of the data folder.", s.lookedUp(func(ctx context.Context) (int64, error) {
			_, total, err := s.cfg.Store.Disk(ctx)
			return total, err
		})),
		gauge("timbre_last_backup_seconds", "When the last good backup was taken, Unix time; 0: never.", s.lookedUp(func(ctx context.Context) (int64, error) {
			last, err := s.cfg.Store.LastBackup(ctx)
			if err != nil || last.IsZero() {
				return 0, err
			}
			return last.Unix(), nil
		})),
	)
	return m
}

// lookTime bounds how long a figure may be looked for.
const lookTime = 5 * time.Second

// lookedUp returns a figure that has to be asked for. One that cannot be had is
// no number.
func (s *Server) lookedUp(look func(context.Context) (int64, error)) func() float64 {
	return func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), lookTime)
		defer cancel()
		n, err := look(ctx)
		if err != nil {
			s.log.Warn("figure not found", "err", err)
			return math.NaN()
		}
		return float64(n)
	}
}

// trunksUp returns how many lines to the outside work.
func (s *Server) trunksUp() (n int) {
	if s.cfg.House.Trunks == nil {
		return 0
	}
	for _, t := range s.cfg.House.Trunks.TrunkStates() {
		if t.Up {
			n++
		}
	}
	return n
}

// routes adds /metrics.
func (m *metrics) routes(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}

// request counts an answered request. Its route is the pattern that matched:
// paths hold ids, and strangers may ask for any.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	if route != eventRoute {
		m.times.Observe(took.Seconds())
	}
}

// login counts an attempt.
func (m *metrics) login(err error) {
	result := "failed"
	switch {
	case err == nil:
		result = "ok"
	case errors.Is(err, office.ErrLogin):
		result = "wrong"
	case errors.Is(err, office.ErrTooMany):
		result = "tooMany"
	}
	m.logins.WithLabelValues(result).Inc()
}

func (s *Server) liveCalls() int {
	if s.cfg.Switch == nil {
		return 0
	}
	return s.cfg.Switch.LiveCalls()
}

func (s *Server) registered() []office.ID {
	if s.cfg.Switch == nil {
		return nil
	}
	return s.cfg.Switch.Registered()
}
