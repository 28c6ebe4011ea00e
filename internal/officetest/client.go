package officetest

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"timbre/internal/office"
	"timbre/softphone"
)

// A Client is the timbre command line on a profile of its own, in processes of
// its own.
type Client struct {
	Profile string

	office  *Office
	command []string
}

// Client logs extension n in with `timbre login` and returns its command line,
// before which prefix is put, such as "ip netns exec NAME".
func (o *Office) Client(ctx context.Context, n office.Number, prefix ...string) (*Client, error) {
	profile, err := o.Profile(n)
	if err != nil {
		return nil, err
	}
	c := &Client{Profile: profile, office: o, command: append(prefix, filepath.Join(o.opt.Bin, "timbre"))}
	_, err = c.Run(ctx, o.Person(n).Password+"\n", "login", "--server", o.Ready.HTTPS, "--company", string(Company),
		"--extension", string(n), "--password-stdin", "--fingerprint", string(o.Ready.Fingerprint))
	return c, err
}

// Run runs one command to its end and returns its standard output.
func (c *Client) Run(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	line := c.line(args)
	return run(ctx, stdin, line[0], line[1:]...)
}

// line returns the whole command line of a command.
func (c *Client) line(args []string) []string {
	return slices.Concat(c.command, args, []string{"--profile", c.Profile})
}

// JSON runs one command with --json and reads its answer into answer, which may
// be nil.
func (c *Client) JSON(ctx context.Context, answer any, args ...string) error {
	out, err := c.Run(ctx, "", append(args, "--json")...)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("answer of timbre %v: %w: %.200s", args, err, out)
	}
	return nil
}

// Start starts a command, such as a phone, with --json. It is ended with the
// office or when ctx ends.
func (c *Client) Start(ctx context.Context, args ...string) (*Process, error) {
	line := c.line(append(args, "--json"))
	p, err := startProcess(ctx, line[0], line[1:]...)
	if err != nil {
		return nil, err
	}
	c.office.onClose(p.Stop)
	return p, nil
}

// Report waits for the first event that a phone prints, at or after line number
// from, that match accepts; it returns it with the number of the next line.
func (p *Process) Report(ctx context.Context, from int, match func(softphone.Report) bool) (r softphone.Report, next int, err error) {
	_, next, err = p.Line(ctx, from, func(line string) bool {
		r = softphone.Report{}
		return json.Unmarshal([]byte(line), &r) == nil && match(r)
	})
	return r, next, err
}
