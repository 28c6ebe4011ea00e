package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/officetest"
)

// found returns a new office with extensions 101 and 102, in a folder of its own.
func found(t *testing.T) (data string, with func(args ...string) []string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "office")
	with = func(args ...string) []string { return append(args, "--data", data) }
	run(t, "", with("company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--email", "admin@example.com")...).ok(t)
	run(t, "correct horse\n", with("extension", "add", "101", "--name", "Ana", "--password-stdin")...).ok(t)
	run(t, "correct horse\n", with("extension", "add", "102", "--name", "Luz", "--password-stdin", "--allow", "internal", "--max-calls", "1")...).ok(t)
	return data, with
}

// has fails the test unless out has all of the words.
func has(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("%q is missing in\n%s", w, out)
		}
	}
}

func TestOfficeIsAdministeredWithAndWithoutAServer(t *testing.T) {
	for name, withServer := range map[string]bool{"with": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			data, with := found(t)
			if withServer {
				serve(t, data)
			}
			var all []api.Extension
			run(t, "", with("extension", "set", "101", "--allow", "international,national,internal", "--minutes", "0", "--call-limit", "3")...).ok(t)
			decode(t, run(t, "", with("extension", "list", "--json")...).ok(t), &all)
			if len(all) != 2 || all[0].Allow != "internal,national,international" || all[0].Minutes != 0 || all[0].CallLimit != 3 || all[0].MaxCalls != 4 ||
				all[1].Allow != "internal" || all[1].MaxCalls != 1 || all[1].Disabled {
				t.Errorf("%+v", all)
			}
			lines(t, with)
			trunks(t, with, withServer)
			run(t, "", with("smtp", "test")...).refused(t, "no mail server is set (timbred smtp set)")
			has(t, run(t, "secret\n", with("smtp", "set", "--url", "smtp://pbx@127.0.0.1:1", "--from", "pbx@example.com", "--password-stdin")...).ok(t), "pbx@example.com")
			has(t, run(t, "", with("smtp", "show")...).ok(t), "smtp://pbx@127.0.0.1:1")
			run(t, "", with("smtp", "test")...).refused(t, "smtp: ") // nobody listens there
			has(t, run(t, "", with("mail", "release")...).ok(t), "0 e-mails")
			has(t, run(t, "", with("fax", "release")...).ok(t), "0 faxes")
			has(t, run(t, "", with("retention", "show")...).ok(t), "calls kept", "until deleted")
			has(t, run(t, "", with("company", "show")...).ok(t), "Ejemplo", "+525555550100", "MX", "America/Mexico_City", "admin@example.com")
			run(t, "", with("company", "set", "--timezone", "Tijuana")...).refused(t, "not a time zone")
			has(t, run(t, "", with("company", "set", "--timezone", "America/Tijuana")...).ok(t), "America/Tijuana")
			run(t, "", with("extension", "add", "911", "--name", "x")...).refused(t, "extension 911: an emergency number; choose another")
			run(t, "", with("extension", "add", "040", "--name", "x")...).refused(t, "extension 040: a service number")
			has(t, run(t, "", with("retention", "set", "--calls", "365d", "--voicemail", "0")...).ok(t), "365d", "until deleted")
			has(t, run(t, "730418\n", with("extension", "reset-pin", "101", "--pin-stdin")...).ok(t), "a new PIN")
			var reset api.Extension
			if decode(t, run(t, "", with("extension", "reset-password", "101", "--json")...).ok(t), &reset); !reset.HasPIN || reset.Password == "" {
				t.Errorf("%+v", reset)
			}
			run(t, "", with("extension", "unlock", "101")...).ok(t)
			run(t, "", with("extension", "disable", "102")...).ok(t)
			has(t, run(t, "", with("extension", "list")...).ok(t), "disabled", "yes")
			run(t, "", with("extension", "enable", "102")...).ok(t)
			has(t, run(t, "", with("extension", "reset-pin", "101")...).ok(t), "no PIN")

			status := run(t, "", with("status")...).ok(t)
			has(t, status, "trunk carrier", "e-mail", "0 waiting", "disk", "last backup", "never", "calls kept", "365d")
			if strings.Contains(status, "certificate ends") != withServer {
				t.Error(status)
			}
			has(t, status, "time zone", "America/Tijuana")
			zone, _ := time.LoadLocation("America/Tijuana")
			audit := run(t, "", with("audit", "--since", "1w")...).ok(t)
			has(t, audit, time.Now().In(zone).Format("2006-01-02 15:"), time.Now().In(zone).Format(" MST"))
			run(t, "", with("audit", "--since", "1y")...).refused(t, "such as 4w, 30d or 12h")
			has(t, audit, "command line", "set-extension", "101 allow minutes call-limit", "add-trunk", "invalidTrunk", "set-smtp", "reset-pin", "ok")
			for _, secret := range []string{"correct horse", "secret", "730418"} {
				if strings.Contains(audit, secret) {
					t.Errorf("the audit log tells %q", secret)
				}
			}
		})
	}
}

func lines(t *testing.T, with func(...string) []string) {
	t.Helper()
	has(t, run(t, "", with("number", "add", "55 5555 0123", "--extension", "101,102, 101")...).ok(t), "+525555550123", "101,102")
	run(t, "", with("number", "add", "+525555550124", "--menu")...).ok(t)
	run(t, "", with("number", "add", "+525555550125")...).refused(t, "--extension")
	run(t, "", with("number", "add", "+525555550125", "--extension", "109")...).refused(t, "extension 109: not found")
	run(t, "", with("number", "add", "+525555550125", "--extension", "1")...).refused(t, "it rings extensions, or is the voicemail menu or a fax")
	run(t, "", with("number", "add", "+525555550125", "--extension", "101", "--menu")...).refused(t, "it rings extensions, or is the voicemail menu or a fax")
	run(t, "", with("number", "add", "12", "--extension", "101")...).refused(t, "number 12: not a telephone number with its country code")
	run(t, "", with("number", "add", "0125 555 0100", "--extension", "101")...).refused(t, "number 0125 555 0100: not a telephone number")
	run(t, "", with("number", "add")...).refused(t, "use it like this")
	has(t, run(t, "", with("number", "add", "55", "5555", "0127", "--menu")...).ok(t), "+525555550127")
	run(t, "", with("number", "remove", "55", "5555", "0127")...).ok(t)
	has(t, run(t, "", with("number", "add", "+525555550126", "--fax")...).ok(t), "+525555550126", "yes")
	run(t, "", with("number", "remove", "+525555550126")...).ok(t)
	run(t, "", with("number", "remove", "5555550124")...).ok(t)
	run(t, "", with("number", "remove", "5555550124")...).refused(t, "not found")
	var all []office.Line
	decode(t, run(t, "", with("number", "list", "--json")...).ok(t), &all)
	if len(all) != 1 || all[0].Number != "+525555550123" || len(all[0].Extensions) != 2 {
		t.Errorf("%+v", all)
	}
}

func trunks(t *testing.T, with func(...string) []string, running bool) {
	t.Helper()
	run(t, "secret\n", with("trunk", "add", "carrier", "--uri", "sip:127.0.0.1:1", "--username", "u", "--password-stdin", "--priority", "5")...).ok(t)
	run(t, "", with("trunk", "add", "carrier", "--uri", "sip:127.0.0.1:1")...).refused(t, "exists already")
	run(t, "", with("trunk", "add", "other", "--uri", "127.0.0.1")...).refused(t, "not a trunk")
	run(t, "", with("trunk", "remove", "other")...).refused(t, "not found")
	out := run(t, "", with("trunk", "list", "--json")...).ok(t)
	var all []api.Trunk
	decode(t, out, &all)
	if len(all) != 1 || all[0].Name != "carrier" || all[0].Priority != 5 || all[0].Transport != "udp" || all[0].Format != office.E164 || strings.Contains(out, "secret") {
		t.Errorf("%s", out)
	}
	says := "only a running server can test it"
	if running {
		says = "trunk carrier does not work: "
	}
	run(t, "", with("trunk", "test", "carrier")...).refused(t, says)
	run(t, "", with("trunk", "test", "other")...).refused(t, map[bool]string{true: "trunk other: not found", false: says}[running])
}

// A trunk that works says so, in the list, its test and the status; one that its
// carrier refuses says why.
func TestTrunkThatWorks(t *testing.T) {
	data, with := found(t)
	serve(t, data)
	for name, password := range map[string]string{"good": "a secret", "bad": "another"} {
		carrier, stop, err := officetest.NewCarrier(officetest.CarrierOptions{Username: "office", Password: "a secret", Realm: "carrier"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
		run(t, password+"\n", with("trunk", "add", name, "--uri", carrier.URI, "--register", "--username", "office", "--password-stdin")...).ok(t)
	}
	if out := run(t, "", with("trunk", "test", "good")...).ok(t); out != "trunk good works\n" {
		t.Errorf("%q", out)
	}
	run(t, "", with("trunk", "test", "bad")...).refused(t, "trunk bad does not work: ")
	var all []api.Trunk
	decode(t, run(t, "", with("trunk", "list", "--json")...).ok(t), &all)
	for _, trunk := range all {
		s := trunk.State
		if up := trunk.Name == "good"; s == nil || s.Up != up || s.Registered != up || up != (s.LastError == "") || s.Since.IsZero() || time.Since(s.Since) > limit {
			t.Errorf("%s: %+v", trunk.Name, s)
		}
	}
	status := run(t, "", with("status")...).ok(t)
	has(t, status, "trunk good", "up since ", "trunk bad", "down since ", "; last error: ")
	if audit := run(t, "", with("audit")...).ok(t); !regexp.MustCompile(`test-trunk +bad +failed\n`).MatchString(audit) || !regexp.MustCompile(`test-trunk +good +ok\n`).MatchString(audit) {
		t.Error(audit)
	}

	// A password that was mistyped is given again, and what is not named stays.
	run(t, "", with("trunk", "add", "bad", "--uri", "sip:127.0.0.1:1")...).refused(t, "timbred trunk set changes it")
	run(t, "", with("trunk", "set", "bad")...).refused(t, "nothing to change")
	run(t, "", with("trunk", "set", "bad", "--register=true", "--username", "")...).refused(t, "not a trunk")
	run(t, "", with("trunk", "set", "none", "--priority", "2")...).refused(t, "trunk none: not found")
	run(t, "a secret\n", with("trunk", "set", "bad", "--password-stdin", "--priority", "2")...).ok(t)
	if out := run(t, "", with("trunk", "test", "bad")...).ok(t); out != "trunk bad works\n" {
		t.Errorf("%q", out)
	}
	decode(t, run(t, "", with("trunk", "list", "--json")...).ok(t), &all)
	if last := all[len(all)-1]; last.Name != "bad" || last.Priority != 2 || !last.Register || last.Username != "office" {
		t.Errorf("%+v", last)
	}
}

func TestTokenOverHTTPS(t *testing.T) {
	data, with := found(t)
	d := serve(t, data)
	token := strings.TrimSpace(run(t, "", with("admin", "token", "--name", "scrape")...).ok(t))
	run(t, "", with("admin", "token", "--name", "scrape")...).refused(t, "exists already")
	has(t, run(t, "", with("admin", "list")...).ok(t), "scrape")
	if a := d.ask(t, "GET", "/metrics", token, ""); a.status != 200 || !strings.Contains(a.body, "timbre_trunks_up 0") ||
		!strings.Contains(a.body, "timbre_mails_waiting 0") || !strings.Contains(a.body, "timbre_disk_used_bytes") {
		t.Errorf("%+v", a)
	}
	if a := d.ask(t, "GET", "/v1/admin/extensions", token, ""); a.status != 200 || !strings.Contains(a.body, `"101"`) {
		t.Errorf("%+v", a)
	}
	if a := d.ask(t, "PATCH", "/v1/admin/extensions/101", token, `{"name":"Ana Paz"}`); a.status != 200 {
		t.Errorf("%+v", a)
	}
	metrics := strings.TrimSpace(run(t, "", with("admin", "token", "--name", "prometheus", "--metrics")...).ok(t))
	if a := d.ask(t, "GET", "/metrics", metrics, ""); a.status != 200 || !strings.Contains(a.body, "timbre_trunks_up 0") {
		t.Errorf("%+v", a)
	}
	has(t, run(t, "", with("admin", "list")...).ok(t), "prometheus  metrics", "scrape      everything")
	for what, try := range map[string]answer{
		"a backup for a monitor": d.ask(t, "GET", "/v1/admin/backup", metrics, ""),
		"a status for a monitor": d.ask(t, "GET", "/v1/admin/status", metrics, ""),
		"a token makes another":  d.ask(t, "POST", "/v1/admin/tokens", token, `{"name":"more"}`),
		"a token ends another":   d.ask(t, "DELETE", "/v1/admin/tokens/scrape", token, ""),
		"none":                   d.ask(t, "GET", "/v1/admin/status", "", ""),
		"another":                d.ask(t, "GET", "/metrics", token[:len(token)-1]+"_", ""),
		"a backup without token": d.ask(t, "GET", "/v1/admin/backup", "x", ""),
	} {
		if try.status != 401 && try.status != 403 {
			t.Errorf("%s: %+v", what, try)
		}
	}
	has(t, run(t, "", with("audit")...).ok(t), "token scrape", "101 name", "refused")
	run(t, "", with("admin", "revoke", "scrape")...).ok(t)
	if a := d.ask(t, "GET", "/metrics", token, ""); a.status != 401 {
		t.Errorf("a token that was ended: %+v", a)
	}
}

// An answer is what came of a request over HTTPS.
type answer struct {
	status int
	body   string
}

// ask sends a request with a bearer token.
func (d *daemon) ask(t *testing.T, method, path, token, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.HTTPS+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: d.Fingerprint.ClientTLS(), DisableKeepAlives: true}, Timeout: limit}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, string(b)}
}

func TestInvitation(t *testing.T) {
	data, with := found(t)
	run(t, "", with("invite", "101")...).refused(t, "--server") // no server ever ran
	d := serve(t, data)
	code := filepath.Join(t.TempDir(), "ana.png")
	var i api.Invitation
	decode(t, run(t, "", with("invite", "101", "--png", code, "--json")...).ok(t), &i)
	link, err := office.ParseInvitation(i.Link)
	if err != nil || link.Extension != "101" || link.Company != "+525555550100" || link.Fingerprint != d.Fingerprint ||
		link.Server != d.HTTPS || time.Until(i.ExpiresAt) > 24*time.Hour || time.Until(i.ExpiresAt) < 23*time.Hour {
		t.Fatalf("%+v, %+v, %v", i, link, err)
	}
	f, err := os.Open(code)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 50 {
		t.Errorf("no picture: %v", err)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	accept := func(token, password string) int {
		return d.ask(t, "POST", "/v1/invitations", "", fmt.Sprintf(`{"token":%q,"password":%q}`, token, password)).status
	}
	if got := accept("wrong", "a new password"); got != 403 {
		t.Errorf("a token that nobody made: %d", got)
	}
	if got := accept(link.Token, "short"); got != 422 {
		t.Errorf("a short password: %d", got)
	}
	if got := d.login("101", "correct horse"); got != 201 {
		t.Errorf("login before the invitation is accepted: %d", got)
	}
	if got := accept(link.Token, "a new password"); got != 200 {
		t.Errorf("accepted: %d", got)
	}
	if got := accept(link.Token, "another password"); got != 403 {
		t.Errorf("accepted twice: %d", got)
	}
	if old, is := d.login("101", "correct horse"), d.login("101", "a new password"); old != 401 || is != 201 {
		t.Errorf("old password %d, new password %d", old, is)
	}
	has(t, run(t, "", with("session", "list", "101")...).ok(t), "127.0.0.1")
	has(t, run(t, "", with("session", "revoke", "--extension", "101")...).ok(t), "1 logins")
	run(t, "", with("session", "revoke", "nobody")...).refused(t, "not found")
	run(t, "", with("session", "revoke")...).refused(t, "--extension")
	run(t, "", with("extension", "disable", "101")...).ok(t)
	if got := d.login("101", "a new password"); got != 401 {
		t.Errorf("login of a disabled extension: %d", got)
	}
	run(t, "", with("invite", "101")...).refused(t, "disabled")
	d.end(syscall.SIGTERM)
	decode(t, run(t, "", with("invite", "102", "--json")...).ok(t), &i)
	if link, err := office.ParseInvitation(i.Link); err != nil || link.Server != d.HTTPS || link.Fingerprint != d.Fingerprint {
		t.Errorf("without a server: %+v, %v", link, err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	data, with := found(t)
	d := serve(t, data)
	file := filepath.Join(t.TempDir(), "office.backup")
	if err := os.WriteFile(file, []byte("the old one"), 0o644); err != nil {
		t.Fatal(err)
	}
	has(t, run(t, "", with("backup", file)...).ok(t), "whole")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	var status api.Status
	decode(t, run(t, "", with("status", "--json")...).ok(t), &status)
	if status.LastBackup == nil || time.Since(*status.LastBackup) > time.Minute {
		t.Errorf("last backup %v", status.LastBackup)
	}
	var login struct{ Token string }
	a := d.ask(t, "POST", "/v1/sessions", "", `{"companyNumber":"+525555550100","extension":"101","password":"correct horse"}`)
	decode(t, a.body, &login)
	run(t, "", with("extension", "add", "103", "--name", "Since")...).ok(t)
	run(t, "", with("restore", file, "--force")...).refused(t, "timbred: data folder "+data+": a server or another command is using it; stop that first\n")
	d.end(syscall.SIGTERM)
	run(t, "", with("restore", file)...).refused(t, "an office is there already")
	run(t, "", with("restore", file+".none")...).refused(t, "no such file")

	damaged := filepath.Join(t.TempDir(), "damaged")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, b[:len(b)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "", with("restore", damaged, "--force")...).refused(t, "damaged")

	run(t, "", with("backup", file)...).ok(t) // without a server too; with 103 in it
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, run(t, "", with("restore", file, "--force")...).ok(t), "restored")
	again := serve(t, data)
	if again.Fingerprint != d.Fingerprint {
		t.Error("the authority is another one")
	}
	if got := again.ask(t, "GET", "/v1/sessions/current", login.Token, "").status; got != 401 {
		t.Errorf("a session outlived the restore: %d", got)
	}
	if got := again.login("101", "correct horse"); got != 201 {
		t.Errorf("login after the restore: %d", got)
	}
	if out := run(t, "", with("extension", "list")...).ok(t); strings.Contains(out, "103") || !strings.Contains(out, "102") {
		t.Errorf("%s", out)
	}
}

// Whoever is killed in the middle of a backup, the old one stays.
func TestKilledBackupLeavesTheOldOne(t *testing.T) {
	data, with := found(t)
	d := serve(t, data)
	file := filepath.Join(t.TempDir(), "office.backup")
	run(t, "", with("backup", file)...).ok(t)
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 48<<20) // takes a second to write
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	if err := os.WriteFile(filepath.Join(data, "tls", "noise"), noise, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, kill := range map[string]func(backup *exec.Cmd){
		"the command": func(backup *exec.Cmd) { backup.Process.Kill() },
		"the server":  func(*exec.Cmd) { d.end(syscall.SIGKILL) },
	} {
		os.Remove(file + ".part") // that the one before left
		backup := exec.Command(program, with("backup", file)...)
		var said bytes.Buffer
		backup.Stderr = &said
		if err := backup.Start(); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); ; time.Sleep(2 * time.Millisecond) {
			if info, err := os.Stat(file + ".part"); err == nil && info.Size() > 1<<20 {
				break
			}
			if time.Since(begun) > limit {
				t.Fatal("no backup is written")
			}
		}
		kill(backup)
		if err := backup.Wait(); err == nil {
			t.Errorf("%s was killed, and the backup is said to be good", what)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, old) {
			t.Errorf("%s was killed, and the old backup is gone: %v", what, err)
		}
		if what == "the server" {
			has(t, said.String(), "timbred: receiving the backup")
			if _, err := os.Stat(file + ".part"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("half a backup stays: %v", err)
			}
			d = serve(t, data)
		}
	}
	run(t, "", with("backup", file)...).ok(t)
	if now, err := os.Stat(file); err != nil || now.Size() < 48<<20 {
		t.Errorf("%v, %v", now, err)
	}
}
