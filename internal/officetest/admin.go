package officetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/server"
)

// Build compiles timbred and timbre into dir, as `make build` does.
func Build(ctx context.Context, dir string) error {
	if _, err := run(ctx, "", "go", "build", "-tags", Tags, "-o", dir+string(filepath.Separator), "timbre", "timbre/internal/cmd/timbred"); err != nil {
		return fmt.Errorf("building the binaries: %w", err)
	}
	return nil
}

// Tags are the build tags of the Makefile.
const Tags = "migrated_fynedo,release,lame,opus,nolibopusfile,speexdsp"

// Admin runs an administration command of timbred on the office, whether its
// server runs or not, with stdin as its input, and reads its JSON answer into
// answer, which may be nil.
func (o *Office) Admin(ctx context.Context, stdin string, answer any, args ...string) error {
	args = append(args, "--data", o.Data, "--json")
	if o.config.DB != "" {
		args = append(args, "--db", o.config.DB)
	}
	out, err := run(ctx, stdin, filepath.Join(o.opt.Bin, "timbred"), args...)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("answer of timbred %v: %w: %.200s", args, err, out)
	}
	return nil
}

// administer does what do says with the administration of the office, whether its
// server runs or not.
func (o *Office) administer(ctx context.Context, do func(a *api.Admin) error) error {
	a, done, err := server.Admin(ctx, o.config, true)
	if err != nil {
		return err
	}
	return errors.Join(do(a), done())
}

// setCompany names the company.
func (o *Office) setCompany(ctx context.Context, name string) error {
	if o.opt.Bin != "" {
		return o.Admin(ctx, "", nil, "company", "set", "--number", string(Company), "--name", name)
	}
	if err := os.Mkdir(o.Data, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return o.administer(ctx, func(a *api.Admin) error {
		_, err := a.SetCompany(ctx, api.Company{Number: Company, Name: name, Email: "admin@example.com"})
		return err
	})
}

// AddTrunk adds a line to the outside, with its password.
func (o *Office) AddTrunk(ctx context.Context, t office.Trunk, password string) error {
	return o.administer(ctx, func(a *api.Admin) error {
		_, err := a.AddTrunk(ctx, api.NewTrunk{Trunk: t, Password: password})
		return err
	})
}

// RemoveTrunk removes the line to the outside of that name.
func (o *Office) RemoveTrunk(ctx context.Context, name string) error {
	return o.administer(ctx, func(a *api.Admin) error { return a.RemoveTrunk(ctx, name) })
}

// TrunkUp waits until the trunk of that name is, or is not, up.
func (o *Office) TrunkUp(ctx context.Context, name string, want bool) error {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var is bool
		var list []api.Trunk
		err := o.administer(ctx, func(a *api.Admin) (err error) {
			list, err = a.Trunks(ctx)
			return err
		})
		for _, t := range list {
			is = is || t.Name == name && t.State != nil && t.State.Up
		}
		if err == nil && is == want {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for trunk %s to be up %v: %w, %v", name, want, ctx.Err(), err)
		}
	}
}

// Status returns what the server says of itself.
func (o *Office) Status(ctx context.Context) (s api.Status, err error) {
	err = o.administer(ctx, func(a *api.Admin) (err error) {
		s, err = a.Status(ctx)
		return err
	})
	return s, err
}

// AddLine gives the office an outside number.
func (o *Office) AddLine(ctx context.Context, l office.Line) error {
	return o.administer(ctx, func(a *api.Admin) error {
		_, err := a.SetLine(ctx, l)
		return err
	})
}

// SetExtension changes what the administrator says of extension n.
func (o *Office) SetExtension(ctx context.Context, n office.Number, c api.ExtensionChange) error {
	return o.administer(ctx, func(a *api.Admin) error {
		_, err := a.SetExtension(ctx, n, c)
		return err
	})
}

// SetPIN sets the PIN with which extension n enters its voicemail by phone.
func (o *Office) SetPIN(ctx context.Context, n office.Number, pin string) error {
	return o.administer(ctx, func(a *api.Admin) error { return a.ResetPIN(ctx, n, pin) })
}

// AddExtension adds a person, whose password must be set.
func (o *Office) AddExtension(ctx context.Context, p Person) error {
	if o.opt.Bin == "" {
		return o.administer(ctx, func(a *api.Admin) error {
			_, err := a.AddExtension(ctx, api.NewExtension{Number: p.Extension, Name: p.Name, Password: p.Password, Ring: office.Duration(p.Ring)})
			return err
		})
	}
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
	if o.opt.Bin == "" {
		var d api.Device
		err := o.administer(ctx, func(a *api.Admin) (err error) {
			d, err = a.AddDevice(ctx, n, name)
			return err
		})
		return office.SIPAccount{Username: d.Username, Password: d.Password, Domain: d.Domain, URIs: d.SIP}, err
	}
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
