package officetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"

	"timbre/internal/office"
)

// Build compiles timbred and timbre into dir, as `make build` does.
func Build(ctx context.Context, dir string) error {
	if _, err := run(ctx, "", "go", "build", "-tags", Tags, "-o", dir+string(filepath.Separator), "timbre", "timbre/internal/cmd/timbred"); err != nil {
		return fmt.Errorf("building the binaries: %w", err)
	}
	return nil
}

// Tags are the build tags of the Makefile.
const Tags = "migrated_fynedo,release,lame,opus,nolibopusfile"

// Admin runs an administration command of timbred on the office, whether its
// server runs or not, with stdin as its input, and reads its JSON answer into
// answer, which may be nil.
func (o *Office) Admin(ctx context.Context, stdin string, answer any, args ...string) error {
	args = append(args, "--data", o.Data, "--json")
	out, err := run(ctx, stdin, filepath.Join(o.opt.Bin, "timbred"), args...)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("answer of timbred %v: %w: %.200s", args, err, out)
	}
	return nil
}

// AddExtension adds a person, whose password must be set.
func (o *Office) AddExtension(ctx context.Context, p Person) error {
	n := string(p.Extension)
	if err := o.Admin(ctx, p.Password+"\n", nil, "extension", "add", n, "--name", p.Name, "--password-stdin"); err != nil {
		return err
	}
	if p.Ring == 0 {
		return nil
	}
	return o.Admin(ctx, "", nil, "extension", "set", n, "--ring", p.Ring.String())
}

// AddDevice adds a third-party phone to extension n and returns its account.
func (o *Office) AddDevice(ctx context.Context, n office.Number, name string) (office.SIPAccount, error) {
	var d struct {
		Username string   `json:"username"`
		Password string   `json:"password"`
		Domain   string   `json:"domain"`
		SIP      []string `json:"sip"`
	}
	err := o.Admin(ctx, "", &d, "device", "add", string(n), "--name", name)
	return office.SIPAccount{Username: d.Username, Password: d.Password, Domain: d.Domain, URIs: d.SIP}, err
}

// Have returns an error that says how to install program where it is missing.
func Have(program, debianPackage string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is missing: apt-get install %s (make deps does it)", program, debianPackage)
	}
	return nil
}
