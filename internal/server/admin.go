package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
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
	if err := checkFolder(cfg.Data); err != nil { // whose socket could be anybody's
		return nil, nil, err
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
			house := api.House{Mailer: newMailer(cfg, kept)}
			return api.New(api.Config{Log: cfg.Log, Store: kept, Gate: gate, Version: Version(), House: house}).Admin(), kept.Close, nil
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

// adminSocket is the name of the socket in the data folder on which a running
// server is administered.
const adminSocket = "admin.sock"

// maxSocketPath is the longest name of a socket that all systems take.
const maxSocketPath = 103

// listenAdmin binds the admin socket in dir, which the caller has locked: one
// that is there already was left by a server that was killed.
func listenAdmin(dir string) (net.Listener, error) {
	path := filepath.Join(dir, adminSocket)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("data folder %s: its path is too long for the socket in it", dir)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	return l, nil
}
