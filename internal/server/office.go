package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
)

// startTime is how long a server may take between locking its data and
// answering on its admin socket.
const startTime = 5 * time.Second

// Admin returns the administration of the office in cfg.Data: of the server
// that runs there, else, until done is called, of the data itself, which is
// then locked. A folder that does not exist is made only where create is set,
// else it is office.ErrNoCompany.
func Admin(ctx context.Context, cfg Config, create bool) (admin *api.Admin, done func() error, err error) {
	place, err := cfg.resolve(ctx)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(cfg.Data); err != nil && !(create && errors.Is(err, os.ErrNotExist)) {
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil, fmt.Errorf("data folder %s: %w", cfg.Data, office.ErrNoCompany)
		}
		return nil, nil, fmt.Errorf("data folder: %w", err)
	}
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		admin, err := api.DialAdmin(ctx, filepath.Join(cfg.Data, adminSocket))
		if err == nil {
			return admin, func() error { return nil }, nil
		}
		if !errors.Is(err, office.ErrOffline) {
			return nil, nil, err
		}
		kept, err := openStore(ctx, cfg)
		if err == nil {
			gate := newGate(cfg, kept, place, configuredPorts(cfg))
			return api.New(api.Config{Log: cfg.Log, Store: kept, Gate: gate, Version: Version()}).Admin(), kept.Close, nil
		}
		if !errors.Is(err, office.ErrInUse) {
			return nil, nil, err
		}
		// Somebody holds the data: a server that is starting or stopping, or
		// another command.
		select {
		case <-starting.Done():
			return nil, nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ports are those that phones dial; 0: not listened on.
type ports struct{ sip, sips int }

// configuredPorts returns the ports of the addresses in cfg: those of the next
// server that runs with it.
func configuredPorts(cfg Config) ports {
	port := func(addr string) int {
		_, p, err := net.SplitHostPort(addr)
		if err != nil {
			return 0
		}
		n, _ := strconv.Atoi(p) // a service name is none that a phone could be told
		return n
	}
	return ports{port(cfg.SIP), port(cfg.SIPS)}
}
