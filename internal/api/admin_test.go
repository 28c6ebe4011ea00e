package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
)

// administrations are the two ways to the same handlers.
func administrations(t *testing.T) map[string]*api.Admin {
	t.Helper()
	kept, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	gate := auth.New(auth.Config{Store: kept, Domain: "office.test", URIs: []string{"sips:office.test:5061"}})
	direct := api.New(api.Config{Store: kept, Gate: gate, Version: "test"}).Admin()
	if _, err := direct.SetCompany(context.Background(), api.Company{Number: "55 5555 0100", Name: "  Ejemplo  S.A. "}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []office.Number{"101", "102"} {
		if _, err := direct.AddExtension(context.Background(), api.NewExtension{Number: n, Name: "Ana"}); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]*api.Admin{"through the socket": open(t).admin, "on the data": direct}
}

func TestAdministration(t *testing.T) {
	ctx := context.Background()
	for way, a := range administrations(t) {
		e, err := a.AddExtension(ctx, api.NewExtension{Number: "103", Name: " Luz  Ríos", Email: "luz@example.com"})
		if err != nil || e.Password == "" || e.Name != "Luz Ríos" || time.Duration(e.Ring) != office.DefaultRingTime || e.Language != office.Spanish {
			t.Errorf("%s: %+v, %v", way, e, err)
		}
		ring, name := office.Duration(5*time.Second), "Luz"
		e, err = a.SetExtension(ctx, "103", api.ExtensionChange{Ring: &ring, Name: &name})
		if err != nil || time.Duration(e.Ring) != 5*time.Second || e.Name != "Luz" || e.Email != "luz@example.com" || e.Password != "" {
			t.Errorf("%s: %+v, %v", way, e, err)
		}
		reset, err := a.ResetPassword(ctx, "103", "")
		if err != nil || reset.Password == "" {
			t.Errorf("%s: %+v, %v", way, reset, err)
		}
		d, err := a.AddDevice(ctx, "103", "desk")
		if err != nil || d.Username == "" || d.Password == "" || d.Domain != "office.test" || len(d.SIP) != 1 {
			t.Errorf("%s: %+v, %v", way, d, err)
		}
		all, err := a.Devices(ctx, "")
		if err != nil || len(all) != 1 || all[0].Username != d.Username || all[0].Password != "" || all[0].Session {
			t.Errorf("%s: %+v, %v", way, all, err)
		}
		s, err := a.Status(ctx)
		if err != nil || s.Extensions != 3 || s.Devices != 1 || s.Company == nil || s.Company.Number != company || s.Version != "test" {
			t.Errorf("%s: %+v, %v", way, s, err)
		}
		if err := a.RemoveDevice(ctx, d.ID); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if err := a.RemoveExtension(ctx, "103", time.Hour); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		left, err := a.Extensions(ctx)
		if err != nil || len(left) != 2 || left[0].Number != "101" || left[1].Number != "102" {
			t.Errorf("%s: %+v, %v", way, left, err)
		}
	}
}

func TestAdministrationRefuses(t *testing.T) {
	ctx := context.Background()
	name, ring, email, lang := "", office.Duration(time.Second), "nobody", office.Language("fr")
	for way, a := range administrations(t) {
		tests := []struct {
			what string
			do   func() error
			want office.Error
		}{
			{"company number", func() error { _, err := a.SetCompany(ctx, api.Company{Number: "12", Name: "x"}); return err }, office.ErrNumber},
			{"company name", func() error { _, err := a.SetCompany(ctx, api.Company{Number: company, Name: "\n"}); return err }, office.ErrName},
			{"region", func() error {
				_, err := a.SetCompany(ctx, api.Company{Number: company, Name: "x", Region: "mexico"})
				return err
			}, office.ErrRegion},
			{"region that there is not", func() error {
				_, err := a.SetCompany(ctx, api.Company{Number: company, Name: "x", Region: "XX"})
				return err
			}, office.ErrRegion},
			{"taken", func() error { _, err := a.AddExtension(ctx, api.NewExtension{Number: "101", Name: "x"}); return err }, office.ErrExists},
			{"emergency", func() error { _, err := a.AddExtension(ctx, api.NewExtension{Number: "911", Name: "x"}); return err }, office.ErrExtension},
			{"no extension", func() error { _, err := a.AddExtension(ctx, api.NewExtension{Number: "1/2", Name: "x"}); return err }, office.ErrExtension},
			{"short password", func() error {
				_, err := a.AddExtension(ctx, api.NewExtension{Number: "104", Name: "x", Password: "short"})
				return err
			}, office.ErrPassword},
			{"no name", func() error { _, err := a.SetExtension(ctx, "101", api.ExtensionChange{Name: &name}); return err }, office.ErrName},
			{"ring time", func() error { _, err := a.SetExtension(ctx, "101", api.ExtensionChange{Ring: &ring}); return err }, office.ErrRingTime},
			{"e-mail", func() error { _, err := a.SetExtension(ctx, "101", api.ExtensionChange{Email: &email}); return err }, office.ErrEmail},
			{"language", func() error { _, err := a.SetExtension(ctx, "101", api.ExtensionChange{Language: &lang}); return err }, office.ErrLanguage},
			{"unknown extension", func() error { _, err := a.SetExtension(ctx, "999", api.ExtensionChange{}); return err }, office.ErrNotFound},
			{"reset of none", func() error { _, err := a.ResetPassword(ctx, "999", ""); return err }, office.ErrNotFound},
			{"remove none", func() error { return a.RemoveExtension(ctx, "999", 0) }, office.ErrNotFound},
			{"device of none", func() error { _, err := a.AddDevice(ctx, "999", "desk"); return err }, office.ErrNotFound},
			{"device without name", func() error { _, err := a.AddDevice(ctx, "101", " "); return err }, office.ErrName},
			{"devices of none", func() error { _, err := a.Devices(ctx, "999"); return err }, office.ErrNotFound},
			{"remove no device", func() error { return a.RemoveDevice(ctx, "nothing") }, office.ErrNotFound},
		}
		for _, tt := range tests {
			err := tt.do()
			if !errors.Is(err, tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %s: %v, want %s in one line", tt.what, way, err, tt.want)
			}
		}
	}
}

func TestAdministrationNeedsACompanyFirst(t *testing.T) {
	kept, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	a := api.New(api.Config{Store: kept, Gate: auth.New(auth.Config{Store: kept})}).Admin()
	_, err = a.AddExtension(context.Background(), api.NewExtension{Number: "101", Name: "Ana"})
	if !errors.Is(err, office.ErrNoCompany) {
		t.Errorf("%v, want %v", err, office.ErrNoCompany)
	}
	s, err := a.Status(context.Background())
	if err != nil || s.Running || s.Company != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestStatusShowsThePhones(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	d, err := h.admin.AddDevice(ctx, "101", "desk")
	if err != nil {
		t.Fatal(err)
	}
	h.calls.Store(3)
	h.phones.Store(&[]office.ID{d.ID})
	s, err := h.admin.Status(ctx)
	if err != nil || !s.Running || s.LiveCalls != 3 || s.Registered != 1 || s.Listeners.HTTPS == "" {
		t.Errorf("%+v, %v", s, err)
	}
	if all, err := h.admin.Devices(ctx, "101"); err != nil || len(all) != 1 || !all[0].Registered {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestMetricsOnTheAdminSocket(t *testing.T) {
	h := open(t)
	h.calls.Store(2)
	h.login("101")
	h.do("GET", "/v1/sessions/123", "", nil)
	old := h.client
	defer func() { h.client = old }()
	h.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", h.socket)
		},
		DisableKeepAlives: true,
	}}
	h.url = "http://admin"
	a := h.do("GET", "/metrics", "", nil)
	for _, want := range []string{"timbre_live_calls 2", `timbre_logins_total{result="ok"} 1`, `route="POST /v1/sessions",status="201"`, "go_goroutines"} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("%q is missing in\n%s", want, a.body)
		}
	}
	if strings.Contains(string(a.body), "/v1/sessions/123") {
		t.Error("a stranger's path became a label")
	}
}

func TestNobodyListens(t *testing.T) {
	_, err := api.DialAdmin(context.Background(), filepath.Join(t.TempDir(), "admin.sock"))
	if !errors.Is(err, office.ErrOffline) {
		t.Errorf("%v, want %v", err, office.ErrOffline)
	}
}

// What is not given of an office stays; a new one needs its number and name.
func TestCompanyIsSetInParts(t *testing.T) {
	ctx := context.Background()
	kept, err := store.Open(ctx, store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	a := api.New(api.Config{Store: kept, Gate: auth.New(auth.Config{Store: kept}), Version: "test"}).Admin()
	for _, c := range []api.Company{{Name: "Ejemplo"}, {Number: company}, {Region: "US", TimeZone: "America/New_York"}} {
		if is, err := a.SetCompany(ctx, c); !errors.Is(err, office.ErrNoCompany) {
			t.Errorf("%+v became %+v, %v", c, is, err)
		}
	}
	for _, c := range []struct{ set, want api.Company }{
		{api.Company{Number: company, Name: "Ejemplo"}, api.Company{Number: company, Name: "Ejemplo", Region: "MX", TimeZone: "America/Mexico_City"}},
		{api.Company{Name: "Otra"}, api.Company{Number: company, Name: "Otra", Region: "MX", TimeZone: "America/Mexico_City"}},
		{api.Company{Region: "US"}, api.Company{Number: company, Name: "Otra", Region: "US", TimeZone: "America/New_York"}},
		{api.Company{TimeZone: "America/Denver"}, api.Company{Number: company, Name: "Otra", Region: "US", TimeZone: "America/Denver"}},
		{api.Company{Number: "305 555 0100"}, api.Company{Number: "+13055550100", Name: "Otra", Region: "US", TimeZone: "America/Denver"}},
	} {
		if is, err := a.SetCompany(ctx, c.set); err != nil || is != c.want {
			t.Errorf("%+v: %+v, %v, want %+v", c.set, is, err, c.want)
		}
	}
	if is, err := a.SetCompany(ctx, api.Company{TimeZone: "Local"}); !errors.Is(err, office.ErrTimeZone) {
		t.Errorf("a machine's own time: %+v, %v", is, err)
	}
	if is, err := a.SetCompany(ctx, api.Company{Name: " \t"}); !errors.Is(err, office.ErrName) {
		t.Errorf("a blank name: %+v, %v", is, err)
	}
}
