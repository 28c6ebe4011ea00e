package officetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Process is a program that was started here and is ended here. What it
// prints is kept by lines. It is safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; set before done is closed

	mu    sync.Mutex
	lines []string      // guarded by mu
	more  chan struct{} // guarded by mu; closed and replaced when a line is added
}

// maxLines bounds what is kept of a talkative program; the first lines stay.
const maxLines = 100_000

// startProcess runs a program until it ends, Stop is called or ctx ends. Its
// standard output and error are read together; its input is empty.
func startProcess(ctx context.Context, name string, args ...string) (*Process, error) {
	return startTyping(ctx, nil, name, args...)
}

// startTyping is startProcess with a keyboard.
func startTyping(ctx context.Context, keyboard *os.File, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, name, args...), done: make(chan struct{}), more: make(chan struct{})}
	p.cmd.WaitDelay = time.Second
	if keyboard != nil {
		p.cmd.Stdin = keyboard
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(r)
	}()
	go func() {
		p.err = p.cmd.Wait()
		// A grandchild may hold the pipe open: it is not waited for.
		r.SetReadDeadline(time.Now().Add(time.Second))
		<-read
		r.Close()
		close(p.done)
	}()
	return p, nil
}

// read keeps the lines of r until its end.
func (p *Process) read(r io.Reader) {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadString('\n')
		if line != "" {
			p.mu.Lock()
			if len(p.lines) < maxLines {
				p.lines = append(p.lines, strings.TrimRight(line, "\r\n"))
				close(p.more)
				p.more = make(chan struct{})
			}
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// Pid returns the number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process is gone and all of its output was read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait returns how the process ended, as exec.Cmd.Wait does, or ctx's error.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CPU returns the processor time that an ended process used.
func (p *Process) CPU() time.Duration {
	<-p.done
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Lines returns what was printed so far.
func (p *Process) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[:len(p.lines):len(p.lines)]
}

// Output returns what was printed so far as one text.
func (p *Process) Output() string { return strings.Join(p.Lines(), "\n") }

// Line waits for the first line at or after number from that match accepts, and
// returns it with the number of the next one. It fails when ctx or the process
// ends without it.
func (p *Process) Line(ctx context.Context, from int, match func(string) bool) (line string, next int, err error) {
	for i := from; ; {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
		for ; i < len(lines); i++ {
			if match(lines[i]) {
				return lines[i], i + 1, nil
			}
		}
		select {
		case <-more:
		case <-p.done:
			if lines := p.Lines(); i >= len(lines) {
				return "", i, fmt.Errorf("%s ended (%v); it printed:\n%s", p.cmd.Path, p.err, p.Output())
			}
		case <-ctx.Done():
			return "", i, fmt.Errorf("%s: %w; it printed:\n%s", p.cmd.Path, ctx.Err(), p.Output())
		}
	}
}

// stopTime is how long a process may take to end by itself.
const stopTime = 8 * time.Second

// Stop asks the process to end, waits, and kills it after 8 s, which is an
// error. A process that has ended already is none.
func (p *Process) Stop() error {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTime):
		p.Kill()
		return fmt.Errorf("%s did not end within %v; it printed:\n%s", p.cmd.Path, stopTime, p.Output())
	}
}

// Kill ends the process without asking (SIGKILL) and waits for its end.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// run runs a program to its end and returns its standard output. The error
// holds what it printed to standard error.
func run(ctx context.Context, stdin string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return out, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
