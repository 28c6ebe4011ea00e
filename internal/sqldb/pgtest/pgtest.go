// Package pgtest starts a private PostgreSQL for tests: a fresh cluster in a
// temporary folder, reached by a Unix socket only, gone when the test ends, also
// when the test process is killed. It needs Debian's postgresql or any
// installation whose programs are in the PATH.
package pgtest

import (
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
}

// run is the life of a cluster: the server lives until standard input ends,
// which it does at the latest with the test process.
const run = `"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c deadlock_timeout=20ms -c max_connections=200 & p=$!
cat >/dev/null; kill -INT $p; wait $p`

// Start starts a cluster that ends with the test. It fails the test where
// PostgreSQL is not installed.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{bin: bin(t)}
	dir, err := os.MkdirTemp("", "pg") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c.socket = dir
	if os.Geteuid() == 0 { // initdb refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatalf("starting PostgreSQL as root needs the user postgres: %v", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		c.asUser = []string{"setpriv", "--reuid", u.Uid, "--regid", u.Gid, "--clear-groups", "--"}
	}
	c.must(t, filepath.Join(c.bin, "initdb"), "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "timbre", "-E", "UTF8", "--locale=C", "--no-sync")

	server := c.command("sh", "-c", run, "sh", c.bin, dir)
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, server, stdin) })
	c.await(t)
	return c
}

// await returns when the cluster accepts connections.
func (c *Cluster) await(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 { // 30 s
		<-tick.C
		if c.command(filepath.Join(c.bin, "pg_isready"), "-q", "-h", c.socket).Run() == nil {
			return
		}
	}
	t.Fatal("PostgreSQL did not start within 30 s")
}

// end stops the server by the end of its input and waits for it.
func end(t testing.TB, server *exec.Cmd, stdin io.Closer) {
	stdin.Close()
	if err := server.Wait(); err != nil {
		t.Logf("PostgreSQL ended: %v", err)
	}
}

// Database makes an empty database and returns its address.
func (c *Cluster) Database(t testing.TB) (dsn string) {
	t.Helper()
	return c.database(t)
}

// Copy makes a copy of a database that nobody uses and returns its address.
func (c *Cluster) Copy(t testing.TB, of string) (dsn string) {
	t.Helper()
	return c.database(t, "-T", strings.TrimPrefix(of, c.address("")))
}

func (c *Cluster) database(t testing.TB, args ...string) (dsn string) {
	t.Helper()
	c.count++
	name := "test" + strconv.Itoa(c.count)
	// Without fsync files are copied faster than they are logged (an option since PostgreSQL 15).
	c.must(t, filepath.Join(c.bin, "createdb"), append([]string{"-h", c.socket, "-U", "timbre", "--strategy=file_copy", name}, args...)...)
	return c.address(name)
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

func (c *Cluster) must(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := c.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}

// bin finds the folder of PostgreSQL's programs, the newest where Debian has
// several.
func bin(t testing.TB) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		newest := found[0]
		for _, f := range found {
			if version(f) > version(newest) {
				newest = f
			}
		}
		return filepath.Dir(newest)
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Fatal("PostgreSQL is not installed: make deps")
	}
	return filepath.Dir(path)
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // /usr/lib/postgresql/15/bin/initdb
	return n
}
