package officetest

import (
	"context"
	"regexp"
	"strconv"
	"strings"
)

// SIPVicious lets svwar look for the extensions from..to with a SIP method and
// returns those that it says exist, and all that it printed.
func (o *Office) SIPVicious(ctx context.Context, method string, from, to int) (found []string, output string, err error) {
	if err := Have("svwar", "sipvicious"); err != nil {
		return nil, "", err
	}
	host, port, _ := strings.Cut(o.Ready.SIP, ":")
	p, err := startProcess(ctx, "svwar", "--force", "-m", method, "-t", "0.0005",
		"-e", strconv.Itoa(from)+"-"+strconv.Itoa(to), "-p", port, host)
	if err != nil {
		return nil, "", err
	}
	defer p.Kill()
	if err := p.Wait(ctx); err != nil {
		return nil, p.Output(), err
	}
	for _, m := range verdict.FindAllStringSubmatch(p.Output(), -1) {
		found = append(found, m[1])
	}
	return found, p.Output(), nil
}

// verdict is a line of svwar's table of what it found.
var verdict = regexp.MustCompile(`(?m)^[|│]\s*(\d+)\s*[|│]\s*\w+`)
