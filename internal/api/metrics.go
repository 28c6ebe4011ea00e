package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"timbre/internal/office"
)

// metrics are the figures of one server. They are shown on the admin socket.
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
	)
	return m
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
