package officetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Display is an X server without a screen (Xvfb) that draws in software.
type Display struct {
	Name string // for DISPLAY
	cmd  *exec.Cmd
}

// NewDisplay starts one. Close ends it.
func NewDisplay(ctx context.Context) (*Display, error) {
	if err := errors.Join(Have("Xvfb", "xvfb"), Have("xdotool", "xdotool")); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, "Xvfb", "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("starting Xvfb: %w", err)
	}
	d := &Display{cmd: cmd}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting Xvfb: %w", err), d.Close())
	}
	d.Name = ":" + strings.TrimSpace(number)
	return d, nil
}

// Close ends the X server.
func (d *Display) Close() error {
	d.cmd.Process.Signal(os.Interrupt)
	d.cmd.Wait() // it was asked to end: how it did does not matter
	return nil
}

// Window waits for a visible window of the app.
func (d *Display) Window(ctx context.Context) error {
	for {
		cmd := exec.CommandContext(ctx, "xdotool", "search", "--onlyvisible", "--name", "Timbre")
		cmd.Env = append(os.Environ(), "DISPLAY="+d.Name)
		if out, err := cmd.Output(); err == nil && len(out) > 0 {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// appStart measures from the start of the app to its first window.
func (b *bench) appStart(ctx context.Context) (err error) {
	d, err := NewDisplay(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	c, err := b.Client(ctx, "103", "env", "-u", "WAYLAND_DISPLAY", "DISPLAY="+d.Name, "LIBGL_ALWAYS_SOFTWARE=1")
	if err != nil {
		return err
	}
	took, err := median(func() (time.Duration, error) {
		begin := time.Now()
		line := c.line(nil)
		p, err := startProcess(ctx, line[0], line[1:]...)
		if err != nil {
			return 0, err
		}
		limit, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := d.Window(limit); err != nil {
			p.Kill()
			return 0, fmt.Errorf("no window: %w; the app printed:\n%s", err, p.Output())
		}
		took := time.Since(begin)
		return took, p.Stop()
	})
	if err != nil {
		return err
	}
	b.row("app start → first window (software GL)", fmt.Sprintf("%.0f ms", took.Seconds()*1000), "≤ 1 s", "")
	return nil
}
