package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/store"
	"timbre/sync/engine"
)

// A server that crashes is a process that is killed: the office runs in a child
// that is this test's program again.

// childVariable tells the child which office it is: a childOffice.
const childVariable = "TIMBRE_TEST_OFFICE"

type childOffice struct {
	Dir, DSN string
	Ahead    time.Duration // of the office's clock
}

// beChild runs an office until it is killed, where this process is to be one.
func beChild() {
	text := os.Getenv(childVariable)
	if text == "" {
		return
	}
	var c childOffice
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	t := &childTest{}
	h := &house{t: t, cfg: store.Config{Dir: c.Dir, DSN: c.DSN}, board: newBoard()}
	h.cfg.Now = h.now
	h.ahead.Store(int64(c.Ahead))
	h.certificate = h.certify()
	h.start()
	fmt.Println(*h.inner.Load())
	io.Copy(io.Discard, os.Stdin) // whose end is that of the parent
	os.Exit(1)
}

// childTest is what a house needs of a test.
type childTest struct{ testing.TB }

func (*childTest) Helper()           {}
func (*childTest) TempDir() string   { return must1(os.MkdirTemp("", "")) }
func (*childTest) Error(args ...any) { panic(fmt.Sprint(args...)) }
func (*childTest) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func must1(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// crash runs fn with the office in a process that is killed some time after fn
// begins.
func (h *house) crash(after time.Duration, fn func()) {
	h.t.Helper()
	h.halt()
	defer h.start()
	text, err := json.Marshal(childOffice{h.cfg.Dir, h.cfg.DSN, time.Duration(h.ahead.Load())})
	must(h.t, err)
	program, err := os.Executable()
	must(h.t, err)
	child := exec.Command(program)
	child.Env = append(os.Environ(), childVariable+"="+string(text), "TMPDIR="+h.t.TempDir())
	child.Stderr = os.Stderr
	_, err = child.StdinPipe()
	must(h.t, err)
	out, err := child.StdoutPipe()
	must(h.t, err)
	must(h.t, child.Start())
	kill := func() { child.Process.Kill() } // it may be dead already
	defer child.Wait()                      // it was killed
	defer kill()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		h.t.Fatalf("the office does not begin: %v", err)
	}
	address = strings.TrimSpace(address)
	h.inner.Store(&address)
	defer time.AfterFunc(after, kill).Stop()
	fn()
}

// A server that is killed while it works has done what it said that it did, and
// goes on where it was.
func TestServerThatIsKilled(t *testing.T) {
	h := open(t)
	e := h.login(t.TempDir(), engine.Options{})
	path := filepath.Join(t.TempDir(), "document.pdf")
	for i := range 6 {
		h.leave(i, 10)
		must(t, os.WriteFile(path, fmt.Appendf(nil, "%%PDF-1.4 %d", i), 0o600))
		_, err := e.SendFax(context.Background(), "+525555550199", path)
		must(t, err)
		h.crash(time.Duration(i)*3*time.Millisecond, func() { e.SyncOnce(context.Background()) })
	}
	must(t, e.SyncOnce(context.Background()))
	if got, want := list(t, e), h.voicemails(); got != want {
		t.Errorf("list %q, server %q", got, want)
	}
	if got, want := faxesOf(t, e), faxesInShort(h.faxes()); got != want || len(h.faxes()) != 6 {
		t.Errorf("faxes %q, server %q", got, want)
	}
}
