package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A screen is an X server without a monitor, with a window manager and a
// session bus: what a window needs to be a real one.
type screen struct {
	t     *testing.T
	env   []string
	frame string // file in which the X server keeps what is on the screen
}

// newScreen starts a screen of 1400 × 900 that ends with the test.
func newScreen(t *testing.T) *screen {
	t.Helper()
	s := &screen{t: t}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	frames := t.TempDir()
	s.frame = filepath.Join(frames, "Xvfb_screen0")
	x := exec.Command("Xvfb", "-displayfd", "3", "-fbdir", frames, "-screen", "0", "1400x900x24", "-nolisten", "tcp", "+extension", "GLX")
	x.ExtraFiles = []*os.File{write}
	s.start(x)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb gave no display: %v", err)
	}
	home, run := t.TempDir(), t.TempDir()
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "DISPLAY", "WAYLAND_DISPLAY", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "DBUS_SESSION_BUS_ADDRESS", "FYNE_THEME":
		default:
			s.env = append(s.env, e)
		}
	}
	s.env = append(s.env, "DISPLAY=:"+strings.TrimSpace(number), "HOME="+home, "XDG_RUNTIME_DIR="+run, "LIBGL_ALWAYS_SOFTWARE=1")
	bus := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address=1")
	bus.Env = s.env
	out, err := bus.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start(bus)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no session bus: %v", err)
	}
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(address))
	manager := exec.Command("openbox", "--sm-disable")
	manager.Env = s.env
	s.start(manager)
	s.until("a window manager", func() bool { return s.try("xdotool", "get_desktop") == nil })
	return s
}

// start starts a program and ends it with the test, in the reverse order.
func (s *screen) start(c *exec.Cmd) {
	s.t.Helper()
	c.WaitDelay = time.Second
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
}

// try runs a program on the screen.
func (s *screen) try(name string, args ...string) error {
	_, err := s.output(name, args...)
	return err
}

func (s *screen) output(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = s.env
	b, err := c.Output()
	return strings.TrimSpace(string(b)), err
}

// until waits for something that happens on a screen, which tells nobody.
func (s *screen) until(what string, is func() bool) {
	s.t.Helper()
	limit := time.Now().Add(30 * time.Second)
	look := time.NewTicker(150 * time.Millisecond)
	defer look.Stop()
	for !is() {
		if time.Now().After(limit) {
			s.picture("failed")
			s.t.Fatalf("%s: did not happen", what)
		}
		<-look.C
	}
}

// picture keeps what is on the screen as screenshots/window-NAME.png.
func (s *screen) picture(name string) {
	s.t.Helper()
	if err := os.MkdirAll("screenshots", 0o755); err != nil {
		s.t.Fatal(err)
	}
	img := s.now()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("screenshots", "window-"+name+".png"), out.Bytes(), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// now returns what is on the screen.
func (s *screen) now() *image.NRGBA {
	s.t.Helper()
	b, err := os.ReadFile(s.frame)
	if err != nil {
		s.t.Fatal(err)
	}
	img, err := decodeXWD(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return img
}

// decodeXWD reads a picture as the X server keeps it: a header of 32-bit words
// in network order, a table of colours, then lines of blue, green, red and
// nothing (XWDFile.h).
func decodeXWD(b []byte) (*image.NRGBA, error) {
	const words = 25
	if len(b) < 4*words {
		return nil, errors.New("no picture")
	}
	word := func(i int) int { return int(binary.BigEndian.Uint32(b[4*i:])) }
	width, height, bits, stride := word(4), word(5), word(11), word(12)
	pixels := b[min(len(b), word(0)+12*word(19)):]
	if bits != 32 || len(pixels) < stride*height {
		return nil, fmt.Errorf("a picture of %d bits, %d bytes", bits, len(pixels))
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		line := pixels[y*stride:]
		for x := range width {
			p := line[4*x:]
			img.SetNRGBA(x, y, color.NRGBA{R: p[2], G: p[1], B: p[0], A: 255})
		}
	}
	return img, nil
}

// A gui is the app in its window.
type gui struct {
	*screen
	cmd    *exec.Cmd
	window string // id
	ended  chan error
}

// launch starts the app of a binary and waits for its window.
func (s *screen) launch(bin, profile string, env []string, args ...string) *gui {
	s.t.Helper()
	g := &gui{screen: s, ended: make(chan error, 1)}
	g.cmd = exec.Command(filepath.Join(bin, "timbre"), append(args, "--profile", profile)...)
	g.cmd.Env = append(append([]string{}, s.env...), env...)
	g.cmd.Stdout, g.cmd.Stderr = logWriter{s.t}, logWriter{s.t}
	begun := time.Now()
	if err := g.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { g.ended <- g.cmd.Wait() }()
	s.t.Cleanup(func() { g.cmd.Process.Kill() })
	s.until("the window", func() bool {
		id, err := s.output("xdotool", "search", "--all", "--onlyvisible", "--pid", strconv.Itoa(g.cmd.Process.Pid), "--name", "Timbre")
		g.window = strings.Fields(id + " -")[0]
		return err == nil && id != ""
	})
	s.t.Logf("window after %s", time.Since(begun).Round(10*time.Millisecond))
	return g
}

// corner is where on the screen the window stands, in both directions.
const corner = 40

// resize gives the window a size and a place, and the keyboard.
func (g *gui) resize(width, height int) {
	g.t.Helper()
	size := fmt.Sprintf("Geometry: %dx%d", width, height)
	g.until("a window of "+size, func() bool { // until the first page is there, the window decides
		g.settle()
		now, err := g.output("xdotool", "getwindowgeometry", g.window)
		if err == nil && strings.Contains(now, size) {
			return true
		}
		g.must("xdotool", "windowsize", g.window, strconv.Itoa(width), strconv.Itoa(height))
		return false
	})
	g.must("xdotool", "windowmove", g.window, strconv.Itoa(corner), strconv.Itoa(corner))
	g.must("xdotool", "windowactivate", "--sync", g.window)
	g.settle()
}

func (g *gui) must(name string, args ...string) {
	g.t.Helper()
	if err := g.try(name, args...); err != nil {
		g.picture("failed")
		g.t.Fatalf("%s %v: %v", name, args, err)
	}
}

// settle waits until the screen is still, as far as a blinking cursor lets it,
// and in any case for some turns of the app's loop. A pointer needs them between
// a move and a click: Fyne takes note of moves once in a turn, of clicks at once,
// and a click that comes in the same turn as a move goes to where the pointer
// was.
func (g *gui) settle() {
	g.t.Helper()
	last, looks := g.look(), 0
	g.until("a quiet screen", func() bool {
		now := g.look()
		still := now == last
		last = now
		looks++
		return looks >= 3 && still || looks >= 10
	})
}

// look returns a sum of what is on the screen.
func (g *gui) look() [sha256.Size]byte {
	b, err := os.ReadFile(g.frame)
	if err != nil {
		g.t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// An area is a part of the window, by two corners.
type area struct{ x1, y1, x2, y2 int }

// shows reports whether a colour of the theme, 0xRRGGBB, is somewhere in a part
// of the window.
func (g *gui) shows(ink uint32, a area) bool {
	want := color.NRGBA{R: uint8(ink >> 16), G: uint8(ink >> 8), B: uint8(ink), A: 255}
	img := g.now()
	for y := corner + a.y1; y < corner+a.y2; y++ {
		for x := corner + a.x1; x < corner+a.x2; x++ {
			if img.NRGBAAt(x, y) == want {
				return true
			}
		}
	}
	return false
}

// see waits until a colour is in a part of the window, and then until all is
// quiet; gone until it is there no longer.
func (g *gui) see(what string, ink uint32, a area) {
	g.t.Helper()
	g.until(what, func() bool { return g.shows(ink, a) })
	g.settle()
}

func (g *gui) gone(what string, ink uint32, a area) {
	g.t.Helper()
	g.until(what+" gone", func() bool { return !g.shows(ink, a) })
	g.settle()
}

// point moves the pointer to a place in the window.
func (g *gui) point(x, y int) {
	g.t.Helper()
	g.must("xdotool", "mousemove", "--window", g.window, strconv.Itoa(x), strconv.Itoa(y))
	g.settle()
}

// click clicks a place in the window.
func (g *gui) click(x, y int) {
	g.t.Helper()
	g.point(x, y)
	g.must("xdotool", "click", "1")
	g.settle()
}

// write types text where the keyboard is.
func (g *gui) write(text string) {
	g.t.Helper()
	g.must("xdotool", "type", "--delay", "15", text)
}

// press presses keys, by the names of X.
func (g *gui) press(keys ...string) {
	g.t.Helper()
	for _, k := range keys {
		g.must("xdotool", "key", k)
	}
}

// quit closes the window as a person does and waits for the process.
func (g *gui) quit() {
	g.t.Helper()
	g.press("alt+F4") // as the window manager closes a window
	select {
	case <-g.ended:
	case <-time.After(15 * time.Second):
		g.t.Error("the app did not end with its window")
	}
}

// logWriter writes what a program says into the test's log.
type logWriter struct{ t *testing.T }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
