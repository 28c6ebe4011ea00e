package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/server"
	"timbre/internal/sqldb"
)

// limit bounds every wait of a test.
const limit = 30 * time.Second

// program is the built timbred.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "timbred")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o755) // another user runs it in one test
		program = filepath.Join(dir, "timbred")
		build := exec.Command("go", "build", "-tags", "migrated_fynedo,release,lame,opus,nolibopusfile,speexdsp", "-o", program, ".")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return 1
		}
		return m.Run()
	}())
}

// A result is what a command left.
type result struct {
	out, err string
	status   int
}

// run runs timbred with the arguments, and in on its standard input.
func run(t *testing.T, in string, args ...string) result {
	t.Helper()
	return runCmd(t, in, exec.Command(program, args...))
}

func runCmd(t *testing.T, in string, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &errs
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ok fails the test unless the command succeeded without complaint.
func (r result) ok(t *testing.T) string {
	t.Helper()
	if r.status != 0 || r.err != "" {
		t.Fatalf("exit %d\n%s%s", r.status, r.out, r.err)
	}
	return r.out
}

// refused fails the test unless the command said why not in one line.
func (r result) refused(t *testing.T, says string) {
	t.Helper()
	if r.status != 1 || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "timbred: ") || !strings.Contains(r.err, says) {
		t.Errorf("exit %d, out %q, err %q; want one line with %q", r.status, r.out, r.err, says)
	}
}

// A daemon is a running `timbred serve`.
type daemon struct {
	server.Ready
	t    *testing.T
	cmd  *exec.Cmd
	log  *bytes.Buffer
	gone chan error
}

// serve starts timbred on data with free ports and waits for its ready file.
func serve(t *testing.T, data string, args ...string) *daemon {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	d := &daemon{t: t, log: &bytes.Buffer{}, gone: make(chan error, 1)}
	d.cmd = exec.Command(program, append([]string{
		"serve", "--data", data, "--ready-file", file, "--rtp-ports", "0",
		"--https", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0",
	}, args...)...)
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.gone <- d.cmd.Wait() }()
	t.Cleanup(func() { d.end(syscall.SIGKILL) })
	deadline := time.After(limit)
	for {
		if b, err := os.ReadFile(file); err == nil {
			if err := json.Unmarshal(b, &d.Ready); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			return d
		}
		select {
		case err := <-d.gone:
			d.gone <- nil
			t.Fatalf("timbred ended: %v\n%s", err, d.log)
		case <-deadline:
			t.Fatal("timbred is not ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end sends the signal and returns how timbred ended.
func (d *daemon) end(sig syscall.Signal) error {
	d.t.Helper()
	d.cmd.Process.Signal(sig) // an error: it has gone already
	select {
	case err := <-d.gone:
		d.gone <- nil
		return err
	case <-time.After(limit):
		d.cmd.Process.Kill()
		d.t.Error("timbred does not end")
		return nil
	}
}

// login logs an extension in and returns the status of the answer.
func (d *daemon) login(ext, password string) int {
	d.t.Helper()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: d.Fingerprint.ClientTLS(), DisableKeepAlives: true}, Timeout: limit}
	body := fmt.Sprintf(`{"companyNumber":"+525555550100","extension":%q,"password":%q}`, ext, password)
	res, err := c.Post(d.HTTPS+"/v1/sessions", "application/json", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestAdministrationWithAndWithoutAServer(t *testing.T) {
	for name, withServer := range map[string]bool{"with": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "office")
			with := func(args ...string) []string { return append(args, "--data", data) }
			run(t, "", with("company", "set", "--number", "55 5555 0100", "--name", "Ejemplo")...).ok(t)
			if withServer {
				serve(t, data)
			}
			out := run(t, "", with("company", "set", "--name", "Ejemplo S.A.")...).ok(t)
			if !strings.Contains(out, "+525555550100") || !strings.Contains(out, "Ejemplo S.A.") {
				t.Errorf("only the name was to change: %q", out)
			}
			out = run(t, "", with("extension", "add", "101", "--name", "Ana López", "--email", "ana@example.com")...).ok(t)
			if !strings.HasPrefix(out, "extension 101 added\none-time password: ") {
				t.Errorf("%q", out)
			}
			out = run(t, "correct horse\n", with("extension", "add", "102", "--name", "Luz", "--password-stdin", "--ring", "5s")...).ok(t)
			if out != "extension 102 added\n" {
				t.Errorf("%q", out)
			}
			run(t, "", with("extension", "set", "101", "--ring", "10s", "--name", "Ana", "--language", "en")...).ok(t)
			var all []api.Extension
			decode(t, run(t, "", with("extension", "list", "--json")...).ok(t), &all)
			if len(all) != 2 || all[0].Name != "Ana" || time.Duration(all[0].Ring) != 10*time.Second || all[0].Email != "ana@example.com" || all[0].Language != "en" {
				t.Errorf("%+v", all)
			}
			out = run(t, "", with("extension", "reset-password", "102")...).ok(t)
			if !strings.Contains(out, "one-time password: ") {
				t.Errorf("%q", out)
			}

			var account map[string]any
			decode(t, run(t, "", with("device", "add", "101", "--name", "desk", "--json")...).ok(t), &account)
			username, _ := account["username"].(string)
			uris, _ := account["sip"].([]any)
			if len(account) != 4 || username == "" || account["password"] == "" || account["domain"] == "" || len(uris) == 0 {
				t.Errorf("%v", account)
			}
			var devices []api.Device
			decode(t, run(t, "", with("device", "list", "101", "--json")...).ok(t), &devices)
			if len(devices) != 1 || devices[0].Username != username || devices[0].Password != "" {
				t.Errorf("%+v", devices)
			}
			run(t, "", with("device", "remove", username)...).ok(t)
			run(t, "", with("extension", "remove", "102", "--purge")...).ok(t)

			var status api.Status
			decode(t, run(t, "", with("status", "--json")...).ok(t), &status)
			if status.Running != withServer || status.Extensions != 1 || status.Devices != 0 || status.Company.Number != "+525555550100" {
				t.Errorf("%+v", status)
			}
			out = run(t, "", with("status")...).ok(t)
			if !strings.Contains(out, "version") || strings.Contains(out, "not running") == withServer || strings.Contains(out, "live calls") != withServer || strings.Contains(out, "fingerprint") != withServer {
				t.Errorf("%s", out)
			}
		})
	}
}

func decode(t *testing.T, out string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "office")
	run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).ok(t)
	run(t, "", "extension", "add", "101", "--name", "Ana", "--data", data).ok(t)
	none := filepath.Join(t.TempDir(), "none")
	tests := []struct {
		says, in string
		args     []string
	}{
		{"unknown flag", "", []string{"serve", "--data", none, "--frobnicate"}},
		{"unknown command", "", []string{"frobnicate"}},
		{"which of its commands", "", []string{"extension"}},
		{"nothing to change", "", []string{"company", "set", "--data", none}},
		{"both --number and --name", "", []string{"company", "set", "--name", "x", "--data", none}},
		{"there is no office yet", "", []string{"status", "--data", none}},
		{"country code", "", []string{"company", "set", "--number", "12", "--name", "x", "--data", data}},
		{"exists already", "", []string{"extension", "add", "101", "--name", "x", "--data", data}},
		{"2 to 6 digits", "", []string{"extension", "add", "1", "--name", "x", "--data", data}},
		{"ring time", "", []string{"extension", "set", "101", "--ring", "1s", "--data", data}},
		{"not found", "", []string{"extension", "set", "109", "--ring", "5s", "--data", data}},
		{"nothing to change", "", []string{"extension", "set", "101", "--data", data}},
		{"8 to 128", "short\n", []string{"extension", "add", "102", "--name", "x", "--password-stdin", "--data", data}},
		{"[keep purge]", "", []string{"extension", "remove", "101", "--keep", "1d", "--purge", "--data", data}},
		{"--keep", "", []string{"extension", "remove", "101", "--keep", "forever", "--data", data}},
		{"not found", "", []string{"device", "remove", "nobody", "--data", data}},
		{"public address nobody.invalid", "", []string{"serve", "--data", none, "--public-address", "nobody.invalid"}},
		{"--log", "", []string{"serve", "--data", none, "--log", "loud"}},
		{"not a range of ports", "", []string{"serve", "--data", none, "--rtp-ports", "many"}},
		{"data folder", "", []string{"status", "--data", "/dev/null/x"}},
		{"data folder", "", []string{"serve", "--data", "/dev/null/x", "--https", "127.0.0.1:0", "--sip", "", "--sips", ""}},
	}
	for _, tt := range tests {
		run(t, tt.in, tt.args...).refused(t, tt.says)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused command made the folder: %v", err)
	}
}

func TestServersThatAreRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "office")
	d := serve(t, data)
	free := []string{"--https", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0"}
	run(t, "", append(free, "serve", "--data", data)...).refused(t, ": a server or another command is using it; stop that first")

	fresh := filepath.Join(t.TempDir(), "fresh")
	for flag, addr := range map[string]string{"--https": strings.TrimPrefix(d.HTTPS, "https://"), "--sip": d.SIP, "--sips": d.SIPS} {
		args := append([]string{"serve", "--data", fresh}, free...)
		run(t, "", append(args, flag, addr)...).refused(t, "address already in use")
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	run(t, "", "serve", "--data", fresh, "--https", "127.0.0.1:0", "--sip", udp.LocalAddr().String(), "--sips", "127.0.0.1:0").refused(t, "address already in use")
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a server that did not start made its folder: %v", err)
	}
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Errorf("stopped with %v\n%s", err, d.log)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "office")
	run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).ok(t)
	file := filepath.Join(data, "timbre.db")
	future, err := sqldb.Open(t.Context(), sqldb.Config{Path: file, Migrations: fstest.MapFS{
		"00001_office.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}, // there already
		"99999_future.sql": {Data: []byte("-- +goose Up\nCREATE TABLE future (id BIGINT PRIMARY KEY);\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := future.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "", "status", "--data", data).refused(t, "a newer version of timbred wrote it")
	run(t, "", "serve", "--data", data, "--https", "127.0.0.1:0", "--sip", "", "--sips", "").refused(t, "a newer version of timbred wrote it")
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the data changed: %v", err)
	}
}

func TestFolderThatOthersWriteIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o770, 0o707, 0o777 | os.ModeSticky} {
		data := filepath.Join(t.TempDir(), "office")
		if err := errors.Join(os.Mkdir(data, 0o700), os.Chmod(data, mode)); err != nil {
			t.Fatal(err)
		}
		run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).refused(t, "chmod go-w")
		run(t, "", "serve", "--data", data, "--https", "127.0.0.1:0", "--sip", "", "--sips", "").refused(t, "chmod go-w")
		if left, err := os.ReadDir(data); err != nil || len(left) != 0 {
			t.Errorf("%v: %v, %v", mode, left, err)
		}
	}
}

func TestUnreadableFolder(t *testing.T) {
	if os.Getuid() != 0 {
		dir := filepath.Join(t.TempDir(), "office")
		if err := os.Mkdir(dir, 0); err != nil {
			t.Fatal(err)
		}
		run(t, "", "status", "--data", dir).refused(t, "permission denied")
		return
	}
	data := filepath.Join(t.TempDir(), "office")
	run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).ok(t)
	for _, args := range [][]string{{"status"}, {"serve", "--https", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0"}} {
		cmd := exec.Command(program, append(args, "--data", data)...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		runCmd(t, "", cmd).refused(t, "permission denied")
	}
}

func TestConfigurationFile(t *testing.T) {
	data := filepath.Join(t.TempDir(), "office")
	file := filepath.Join(t.TempDir(), "timbred.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# the office\n\ndomain = office.example.com\nhttps=127.0.0.1:1\n")
	d := serve(t, data, "--config", file) // the flag --https counts more
	run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).ok(t)
	run(t, "", "extension", "add", "101", "--name", "Ana", "--data", data).ok(t)
	var account struct{ Domain string }
	decode(t, run(t, "", "device", "add", "101", "--name", "desk", "--json", "--data", data).ok(t), &account)
	if account.Domain != "office.example.com" {
		t.Errorf("%+v", account)
	}
	d.end(syscall.SIGTERM)
	for text, says := range map[string]string{
		"https":                        "line 1: not name = value",
		"\nfrobnicate = 1":             `line 2: there is no "frobnicate"`,
		"config = x":                   "line 1: there is no",
		"rtp-ports = some":             "line 1",
		"sip = 127.0.0.1:0\nsip=:5060": "line 2: sip is there twice",
	} {
		write(text)
		run(t, "", "serve", "--data", data, "--config", file).refused(t, says)
	}
	run(t, "", "serve", "--data", data, "--config", file+".missing").refused(t, "no such file")
}

func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	data := filepath.Join(t.TempDir(), "office")
	run(t, "", "company", "set", "--number", "+525555550100", "--name", "Ejemplo", "--data", data).ok(t)
	d := serve(t, data)
	ctx := context.Background()
	admin, done, err := server.Admin(ctx, server.Config{Data: data}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	// Several at once, so that the kill meets commits in progress.
	type added struct{ number, password string }
	acknowledged := make(chan added, 1000)
	writers := make(chan struct{}, 4)
	for w := range 4 {
		go func() {
			defer func() { writers <- struct{}{} }()
			for n := 100 + w; n < 1000; n += 4 {
				password := fmt.Sprint("secret-", n)
				e, err := admin.AddExtension(ctx, api.NewExtension{Number: office.Number(fmt.Sprint(n)), Name: "x", Password: password})
				if err != nil {
					return // killed
				}
				acknowledged <- added{string(e.Number), password}
			}
		}()
	}
	var kept []added
	for len(kept) < 12 {
		select {
		case a := <-acknowledged:
			kept = append(kept, a)
		case <-time.After(limit):
			t.Fatal("no extension was added")
		}
	}
	if err := d.end(syscall.SIGKILL); err == nil {
		t.Error("killed, but ended well")
	}
	for range 4 {
		<-writers
	}
	close(acknowledged)
	for a := range acknowledged {
		kept = append(kept, a)
	}

	again := serve(t, data)
	if again.Fingerprint != d.Fingerprint {
		t.Error("the fingerprint changed")
	}
	var all []api.Extension
	decode(t, run(t, "", "extension", "list", "--json", "--data", data).ok(t), &all)
	there := map[string]bool{}
	for _, e := range all {
		there[string(e.Number)] = true
	}
	for _, a := range kept {
		if !there[a.number] {
			t.Errorf("extension %s was acknowledged and is lost", a.number)
		}
	}
	last := kept[len(kept)-1]
	if got := again.login(last.number, last.password); got != http.StatusCreated {
		t.Errorf("login of %s after the kill: %d", last.number, got)
	}
	if err := again.end(syscall.SIGINT); err != nil {
		t.Errorf("stopped with %v\n%s", err, again.log)
	}
}
