// Package pgtest starts a private PostgreSQL for tests and the bench: a fresh
// cluster in a temporary folder, reached by a Unix socket only, gone when it is
// stopped, also when the process is killed. It needs Debian's postgresql or any
// installation whose programs are in the PATH.
package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Cluster is a running PostgreSQL.
type Cluster struct {
	bin    string // folder of its programs
	socket string // folder of its socket
	asUser []string
	count  int
	server *exec.Cmd
	stdin  io.Closer // of server, which ends with it
}

// run is the life of a cluster: the server lives until standard input ends,
// which it does at the latest with the process that started it, and not by a
// signal to all of a terminal.
const run = `trap '' INT TERM; bin=$1 dir=$2; shift 2; "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= "$@" & p=$!
cat >/dev/null; kill -INT $p; wait $p`

// Start starts a cluster that ends with the test, and keeps nothing safe from a
// power cut. It fails the test where PostgreSQL is not installed.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := Run("fsync=off", "deadlock_timeout=20ms", "max_connections=200")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Log(err)
		}
	})
	return c
}

// Run starts a cluster with settings, each like "fsync=off", beside PostgreSQL's
// own. Stop it after use.
func Run(settings ...string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "pg") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, err
	}
	c := &Cluster{socket: dir}
	if err := c.start(settings); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(settings []string) (err error) {
	if c.bin, err = bin(); err != nil {
		return err
	}
	if err := c.beSomebody(); err != nil {
		return err
	}
	if err := c.do("initdb", "-D", filepath.Join(c.socket, "data"), "-A", "trust", "-U", "timbre", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return err
	}
	line := []string{"-c", run, "sh", c.bin, c.socket}
	for _, s := range settings {
		line = append(line, "-c", s)
	}
	server := c.command("sh", line...)
	stdin, err := server.StdinPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	c.server, c.stdin = server, stdin
	return c.await()
}

// beSomebody gives the folder to the user postgres where this one is root, as
// whom initdb refuses to run.
func (c *Cluster) beSomebody() error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("starting PostgreSQL as root needs the user postgres: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	c.asUser = []string{"setpriv", "--reuid", u.Uid, "--regid", u.Gid, "--clear-groups", "--"}
	return os.Chown(c.socket, uid, gid)
}

// await returns when the cluster accepts connections.
func (c *Cluster) await() error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 { // 30 s
		<-tick.C
		if c.command(filepath.Join(c.bin, "pg_isready"), "-q", "-h", c.socket).Run() == nil {
			return nil
		}
	}
	return errors.New("PostgreSQL did not start within 30 s")
}

// Stop ends the server by the end of its input, waits for it and removes its
// folder.
func (c *Cluster) Stop() (err error) {
	if c.server != nil {
		c.stdin.Close()
		if err = c.server.Wait(); err != nil {
			err = fmt.Errorf("PostgreSQL ended: %w", err)
		}
		c.server = nil
	}
	return errors.Join(err, os.RemoveAll(c.socket))
}

// Database makes an empty database and returns its address.
func (c *Cluster) Database(t testing.TB) (dsn string) {
	t.Helper()
	return made(t)(c.Make())
}

// Copy makes a copy of a database that nobody uses and returns its address.
func (c *Cluster) Copy(t testing.TB, of string) (dsn string) {
	t.Helper()
	return made(t)(c.Make("-T", strings.TrimPrefix(of, c.address(""))))
}

func made(t testing.TB) func(string, error) string {
	return func(dsn string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return dsn
	}
}

// Make makes a database, with further arguments of createdb, and returns its
// address.
func (c *Cluster) Make(args ...string) (dsn string, err error) {
	c.count++
	name := "test" + strconv.Itoa(c.count)
	// Without fsync files are copied faster than they are logged (an option since PostgreSQL 15).
	return c.address(name), c.do("createdb", append([]string{"-h", c.socket, "-U", "timbre", "--strategy=file_copy", name}, args...)...)
}

// address returns that of the database name.
func (c *Cluster) address(name string) string {
	return "host=" + c.socket + " user=timbre dbname=" + name
}

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	line := append(append(c.asUser[:len(c.asUser):len(c.asUser)], name), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = c.socket
	return cmd
}

// do runs one of PostgreSQL's programs to its end.
func (c *Cluster) do(program string, args ...string) error {
	if out, err := c.command(filepath.Join(c.bin, program), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// bin finds the folder of PostgreSQL's programs, the newest where Debian has
// several.
func bin() (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		newest := found[0]
		for _, f := range found {
			if version(f) > version(newest) {
				newest = f
			}
		}
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed: make deps")
	}
	return filepath.Dir(path), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // /usr/lib/postgresql/15/bin/initdb
	return n
}
