// Package officetest is a whole office for tests, demo and bench: a server with
// a company and three extensions, phones of ours and of others, logged-in
// profiles, and the sound that each side hears. The office runs in this process
// (Start), or as the real binaries (Spawn), which is a must where memory,
// start-up or a kill is the subject. Nothing here has a default password: all
// are random.
//
// Everything is bound to the context it was started with and ends with it; no
// process outlives its office.
package officetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/server"
)

// Company is the main number of every office made here.
const Company office.Number = "+525555550100"

// Options say what an office is like.
type Options struct {
	Bin  string       // folder with timbred, and with timbre where that is used (see Build); empty: administered in this process
	Dir  string       // folder for everything; empty: a temporary one, removed by Close
	Name string       // of the company; empty: "Ejemplo"
	Log  *slog.Logger // of a server in this process; nil: nothing is logged

	// People are the extensions, in order; nil: 101, 102 and 103.
	People []Person

	// Config changes the server's configuration, which listens on free ports of
	// the loopback interface. Nil: no change. Of a spawned server only fields
	// with a flag count.
	Config func(*server.Config)

	// Prefix is put before the command line of a spawned server, such as "ip
	// netns exec NAME".
	Prefix []string
}

// A Person is one extension of an office.
type Person struct {
	Extension office.Number
	Name      string
	Ring      time.Duration // before voicemail answers; zero: the server's default
	Password  string        // empty: a random one is made
}

// people returns the extensions of an office whose Options name none.
func people() []Person {
	return []Person{
		{Extension: "101", Name: "Ana López"},
		{Extension: "102", Name: "Luis Peña"},
		{Extension: "103", Name: "Marta Ruiz"},
	}
}

// An Office is a running office. It is safe for concurrent use.
type Office struct {
	Dir    string       // holds all else
	Data   string       // the server's folder
	Ready  server.Ready // where the server listens
	People []Person
	Server *Process // that Spawn started; nil otherwise

	opt    Options
	config server.Config
	temp   bool // Dir goes with the office

	mu    sync.Mutex
	close []func() error // guarded by mu; what was started, oldest first
	stop  func() error   // guarded by mu; ends the server that was started last
}

// Start brings up an office whose server runs in this process.
func Start(ctx context.Context, opt Options) (*Office, error) {
	return start(ctx, opt, (*Office).Serve)
}

// Spawn brings up an office whose server is the timbred of opt.Bin.
func Spawn(ctx context.Context, opt Options) (*Office, error) {
	return start(ctx, opt, func(o *Office, ctx context.Context) (err error) {
		o.Server, err = o.SpawnServer(ctx)
		return err
	})
}

func start(ctx context.Context, opt Options, serve func(*Office, context.Context) error) (*Office, error) {
	o, err := Prepare(ctx, opt)
	if err != nil {
		return nil, err
	}
	if err := serve(o, ctx); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// Prepare makes an office with its company and extensions; its server does not
// run yet.
func Prepare(ctx context.Context, opt Options) (*Office, error) {
	o := &Office{Dir: opt.Dir, opt: opt, People: opt.People}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "timbre-office-")
		if err != nil {
			return nil, err
		}
		o.Dir, o.temp = dir, true
	}
	o.Data = filepath.Join(o.Dir, "data")
	if o.People == nil {
		o.People = people()
	}
	o.config = server.Default()
	o.config.Data = o.Data
	o.config.HTTPS, o.config.SIP, o.config.SIPS = anyPort, anyPort, anyPort
	o.config.Domain = "localhost"
	o.config.RTPMin, o.config.RTPMax = 0, 0
	o.config.Log = opt.Log
	if opt.Config != nil {
		opt.Config(&o.config)
	}
	if err := o.found(ctx); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// found writes company and extensions into the data folder.
func (o *Office) found(ctx context.Context) error {
	name := o.opt.Name
	if name == "" {
		name = "Ejemplo"
	}
	if err := o.setCompany(ctx, name); err != nil {
		return err
	}
	o.People = append([]Person(nil), o.People...)
	for i := range o.People {
		p := &o.People[i]
		if p.Password == "" {
			p.Password = rand.Text()
		}
		if err := o.AddExtension(ctx, *p); err != nil {
			return err
		}
	}
	return nil
}

// Serve runs the server in this process until ctx ends or Close is called. It
// returns when the server can be reached.
func (o *Office) Serve(ctx context.Context) error {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		// A program that is being started beside holds a copy of our files, and so
		// the lock of the data folder, until it runs.
		err := o.serve(ctx)
		if !errors.Is(err, office.ErrInUse) || time.Since(begun) > stopTime {
			return err
		}
	}
}

func (o *Office) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	ready, ended := make(chan server.Ready, 1), make(chan error, 1)
	cfg := o.config
	cfg.OnReady = func(r server.Ready) { ready <- r }
	go func() { ended <- server.Run(ctx, cfg) }()
	select {
	case o.Ready = <-ready:
		o.onStop(sync.OnceValue(func() error {
			cancel()
			return <-ended
		}))
		return nil
	case err := <-ended:
		cancel()
		return fmt.Errorf("server: %w", err)
	}
}

// SpawnServer runs the server as a process of its own, until ctx ends, Close is
// called, or it is stopped or killed. It returns when the server can be reached.
// After its end it may be called again: the addresses stay the same.
func (o *Office) SpawnServer(ctx context.Context) (*Process, error) {
	file := filepath.Join(o.Dir, "ready.json")
	os.Remove(file)
	c := o.config
	args := append(append([]string(nil), o.opt.Prefix...), filepath.Join(o.opt.Bin, "timbred"), "serve",
		"--data", c.Data, "--https", c.HTTPS, "--sip", c.SIP, "--sips", c.SIPS, "--ready-file", file)
	ports := "0"
	if c.RTPMax > 0 {
		ports = fmt.Sprintf("%d-%d", c.RTPMin, c.RTPMax)
	}
	for _, f := range [][2]string{{"--rtp-ports", ports}, {"--domain", c.Domain}, {"--public-address", c.PublicAddress}, {"--db", c.DB}, {"--sounds", c.Sounds}} {
		if f[1] != "" {
			args = append(args, f[0], f[1])
		}
	}
	p, err := startProcess(ctx, args[0], args[1:]...)
	if err != nil {
		return nil, err
	}
	o.onStop(p.Stop)
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		b, err := os.ReadFile(file) // written in one step
		if err == nil {
			tick.Stop()
			return p, o.reachable(b)
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return nil, fmt.Errorf("timbred ended (%v): %s", p.err, p.Output())
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for timbred: %w: %s", ctx.Err(), p.Output())
		}
	}
}

// reachable takes the content of the ready file. A server that listens on all
// addresses is left as it is.
func (o *Office) reachable(ready []byte) error {
	if err := json.Unmarshal(ready, &o.Ready); err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	for addr, now := range map[*string]string{
		&o.config.HTTPS: strings.TrimPrefix(o.Ready.HTTPS, "https://"), &o.config.SIP: o.Ready.SIP, &o.config.SIPS: o.Ready.SIPS,
	} {
		if *addr == anyPort {
			*addr = now
		}
	}
	return nil
}

// anyPort is where a server listens unless its Config was changed.
const anyPort = "127.0.0.1:0"

// Person returns the person at extension n; it panics where there is none.
func (o *Office) Person(n office.Number) Person {
	for _, p := range o.People {
		if p.Extension == n {
			return p
		}
	}
	panic("officetest: no extension " + string(n))
}

// StopServer ends the server, as a person would; all else goes on.
func (o *Office) StopServer() error {
	o.mu.Lock()
	stop := o.stop
	o.mu.Unlock()
	return stop()
}

// Recording waits until the server is recording a message. The beep is no sure sign:
// a busy machine may drop it.
func (o *Office) Recording(ctx context.Context) error {
	was := map[string]int64{}
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		masters, err := filepath.Glob(filepath.Join(o.Data, "recordings", "*.wav"))
		if err != nil {
			return err
		}
		for _, name := range masters {
			info, err := os.Stat(name)
			if err != nil {
				continue // it has become a message
			}
			if size, known := was[name]; known && info.Size() > size {
				tick.Stop()
				return nil
			}
			was[name] = info.Size()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a recording: %w", ctx.Err())
		}
	}
}

// onStop has f called by StopServer and Close. It may be called twice.
func (o *Office) onStop(f func() error) {
	o.onClose(f)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stop = f
}

// onClose has f called by Close, before all that was registered earlier.
func (o *Office) onClose(f func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close = append(o.close, f)
}

// Close ends everything that was started in the office, youngest first, and
// returns the first error. A second Close does nothing.
func (o *Office) Close() error {
	o.mu.Lock()
	fs := o.close
	o.close = nil
	o.mu.Unlock()
	var first error
	for i := len(fs) - 1; i >= 0; i-- {
		if err := fs[i](); err != nil && first == nil {
			first = err
		}
	}
	if o.temp {
		if err := os.RemoveAll(o.Dir); err != nil && first == nil {
			first = err
		}
	}
	return first
}
