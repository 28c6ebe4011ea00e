package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
	"timbre/sync/local"
)

// asCommand makes the test binary behave as timbre itself.
const asCommand = "TIMBRE_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Unsetenv("DBUS_SESSION_BUS_ADDRESS") // no keychain, whatever the machine has
	os.Unsetenv("XDG_RUNTIME_DIR")
	for _, name := range []string{"LANGUAGE", "LC_ALL", "LC_MESSAGES"} {
		os.Unsetenv(name)
	}
	os.Setenv("LANG", "en_US.UTF-8")
	os.Exit(m.Run())
}

// A shell runs commands on one profile.
type shell struct {
	t       *testing.T
	profile string
}

// newOffice starts an office whose server runs in this process.
func newOffice(t *testing.T) *officetest.Office {
	t.Helper()
	o, err := officetest.Start(context.WithoutCancel(t.Context()), officetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// signIn returns a shell on a fresh profile with an extension's session.
func signIn(t *testing.T, o *officetest.Office, extension office.Number) shell {
	t.Helper()
	s := shell{t, t.TempDir()}
	s.signIn(o, extension, o.Person(extension).Password)
	return s
}

func (s shell) signIn(o *officetest.Office, extension office.Number, password string) {
	s.t.Helper()
	status, _, errs := s.try(password+"\n", "login", "--server", o.Ready.HTTPS, "--company", string(officetest.Company),
		"--extension", string(extension), "--password-stdin", "--fingerprint", string(o.Ready.Fingerprint))
	if status != 0 {
		s.t.Fatal(errs)
	}
}

// logged waits until n calls of an extension are over and in the log: that may be a
// little later than the phone knows.
func logged(t *testing.T, o *officetest.Office, extension office.Number, n int) {
	t.Helper()
	e, err := o.Login(t.Context(), extension)
	if err != nil {
		t.Fatal(err)
	}
	changes := e.Subscribe()
	defer changes.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	over := make(chan error, 1)
	go func() { over <- e.Run(ctx) }()
	defer func() {
		stop()
		<-over
	}()
	for {
		calls, err := e.Calls(ctx, local.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		ended := slices.DeleteFunc(calls, func(c local.Call) bool { return c.Outcome == "" })
		if len(ended) >= n {
			return
		}
		select {
		case <-changes.C:
		case <-ctx.Done():
			t.Fatalf("%d calls are in the log, not %d", len(ended), n)
		}
	}
}

// noWords matches what is printed for a text that nobody wrote.
var noWords = regexp.MustCompile(`\b(cli|refused|fax|presence|error)\.[a-zA-Z]+`)

// try runs a command and returns its exit status, output and errors.
func (s shell) try(stdin string, args ...string) (status int, out, errs string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	status = run(ctx, append(args, "--profile", s.profile), strings.NewReader(stdin), &stdout, &stderr)
	if key := noWords.FindString(stdout.String() + stderr.String()); key != "" {
		s.t.Errorf("%v: %s has no words", args, key)
	}
	return status, stdout.String(), stderr.String()
}

// run runs a command that must succeed and returns its output.
func (s shell) run(args ...string) string {
	s.t.Helper()
	status, out, errs := s.try("", args...)
	if status != 0 {
		s.t.Fatalf("%v: status %d: %s", args, status, errs)
	}
	return out
}

// json runs a command that must succeed with --json and reads its answer.
func (s shell) json(into any, args ...string) {
	s.t.Helper()
	out := s.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, out)
	}
}

// refused runs a command that must fail, with one line that holds part.
func (s shell) refused(part, stdin string, args ...string) {
	s.t.Helper()
	status, out, errs := s.try(stdin, args...)
	if status != 1 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, part) {
		s.t.Errorf("%v: status %d, output %q, errors %q; want status 1 and one line with %q", args, status, out, errs, part)
	}
}

func TestBadCommandLines(t *testing.T) {
	s := shell{t, t.TempDir()}
	for part, line := range map[string]string{
		"Unknown flag: --bogus":                   "--bogus",
		"Unknown flag: --pony":                    "voicemail list --pony",
		"Unknown flag: -x":                        "log -x",
		"Unknown command: timbre dance":           "dance",
		"Unknown command: timbre voicemail dance": "voicemail dance",
		"timbre voicemail play ID":                "voicemail play",
		"timbre voicemail mark ID new|heard":      "voicemail mark abc",
		"timbre logout [--wipe]":                  "logout now",
		"timbre prefs set voicemail|":             "prefs set voicemail",
		"timbre prefs show [voicemail|":           "prefs show voicemail profile",
		`no preferences "sound"`:                  "prefs show sound",
		"These can: isEnabled, when, number":      "prefs set forwarding until=5",
		`"hasPin" cannot be changed`:              "prefs set voicemail hasPin=yes",
		`"isEnabled" is not complete`:             "prefs set voicemail isEnabled",
		`"email" stands there twice`:              "prefs set profile email=a@example.com email=b@example.com",
		`ringSeconds cannot be "soon"`:            "prefs set voicemail ringSeconds=soon",
		`isEnabled cannot be ""`:                  "prefs set voicemail isEnabled=",
		"Write: always, offline, busy, noAnswer":  "prefs set forwarding when=raining",
		`dndUntil cannot be "tomorrow"`:           "prefs set availability dndUntil=tomorrow",
		"timbre greeting set FILE|default":        "greeting set",
		`--until cannot be "2020-01-01T09:00"`:    "greeting set default --until 2020-01-01T09:00",
		"The file or folder does not exist":       "greeting set none.wav",
		"assets is a folder":                      "greeting set assets",
		"A greeting must be a WAV or MP3":         "greeting set main.go",
		"never kept for later":                    "password --offline",
		"timbre pin [--remove]":                   "pin 7319",
		"timbre password":                         "password old new",
		"timbre sessions revoke ID":               "sessions revoke",
		"timbre search TEXT [--limit N]":          "search",
		`--limit cannot be "0"`:                   "search ana --limit 0",
		`--limit cannot be "few"`:                 "search ana --limit few",
		"timbre directory [TEXT]":                 "directory ana luis",
		"timbre directory import FILE":            "directory import",
		"timbre fax send NUMBER FILE":             "fax send 102",
		"cannot be dialled":                       "fax send nobody main.go",
		"A fax must be a PDF or TIFF":             "fax send 102 main.go",
		"timbre fax get ID FILE":                  "fax get abc",
		"Unknown command: timbre fax dance":       "fax dance",
		"timbre refused retry N":                  "refused retry",
		`There is no change "first"`:              "refused retry first",
		`--csv cannot be "-"`:                     "log --csv - --json",
		`--csv cannot be ""`:                      "log --csv=",
		"no copy is left":                         "logout --wipe",
		"in From cannot be after":                 "log --from 2026-11-20 --to 2026-11-19",
		"Signing in needs the network":            "login --offline",
		"The phone number of the office":          "login --server x --company ana --extension 101 --password-stdin",
		`--kind cannot be "lost"`:                 "log --kind lost",
		`--from cannot be "yesterday"`:            "log --from yesterday",
		`--to cannot be "2026-13-01"`:             "log --to 2026-13-01",
		"--to needs a value":                      "log --to",
		`--json cannot be "maybe"`:                "log --json=maybe",
		"--server is missing":                     "login",
		"--password-stdin is missing":             "login --server x --company +525555550100 --extension 101",
		"Missing: Password":                       "login --server x --company +525555550100 --extension 101 --password-stdin",
		"64 hexadecimal digits":                   "login --server x --company +525555550100 --extension 101 --password-stdin --fingerprint abc",
		"2 to 6 digits":                           "login --server x --company +525555550100 --extension 1a --password-stdin",
		"not signed in":                           "voicemail list",
		"cannot be reached":                       "sync --once --offline",
	} {
		args := strings.Fields(line)
		if args[len(args)-1] == "--to" { // its value is missing only at the end
			status, _, errs := s.trail(args)
			if status != 1 || !strings.Contains(errs, part) {
				t.Errorf("%s: status %d, %q", line, status, errs)
			}
			continue
		}
		s.refused(part, "", args...)
	}
}

// trail runs a command whose last argument must stay the last.
func (s shell) trail(args []string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(s.t.Context(), append([]string{"--profile", s.profile}, args...), strings.NewReader(""), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// Nothing but the line of ours may be written, whatever the locale: libraries
// look at it before main begins.
func TestErrorsAreOneLineInAnyLocale(t *testing.T) {
	for lang, want := range map[string]string{
		"C.UTF-8":     "Opción desconocida: --bogus. Mira --help.\n",
		"":            "Opción desconocida: --bogus. Mira --help.\n",
		"es_MX.UTF-8": "Opción desconocida: --bogus. Mira --help.\n",
		"en_GB.UTF-8": "Unknown flag: --bogus. See --help.\n",
	} {
		c := exec.CommandContext(t.Context(), os.Args[0], "--bogus")
		c.Env = append(os.Environ(), asCommand+"=1", "LANG="+lang)
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Run(); c.ProcessState == nil || c.ProcessState.ExitCode() != 1 || errs.String() != want {
			t.Errorf("LANG=%q: %v, %q", lang, err, errs.String())
		}
	}
}

// Without a display the app says so and points to the terminal; it does not panic.
func TestNoWindowIsSaidInWords(t *testing.T) {
	for display, lines := range map[string]int{"": 1, ":9999": 0} { // Fyne has its say about a display that is dead
		c := exec.CommandContext(t.Context(), os.Args[0], "--profile", t.TempDir())
		c.Env = append(os.Environ(), asCommand+"=1", "DISPLAY="+display, "WAYLAND_DISPLAY=")
		var errs bytes.Buffer
		c.Stderr = &errs
		c.Run()
		got := errs.String()
		if c.ProcessState.ExitCode() != 1 || !strings.Contains(got, "see timbre --help") || strings.Contains(got, "goroutine") || lines > 0 && strings.Count(got, "\n") != lines {
			t.Errorf("DISPLAY=%q: status %d, %s", display, c.ProcessState.ExitCode(), got)
		}
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if status := run(t.Context(), []string{"--version"}, strings.NewReader(""), &out, io.Discard); status != 0 || !strings.HasPrefix(out.String(), "timbre ") {
		t.Errorf("status %d, %q", status, out.String())
	}
}

func TestHelpIsTranslated(t *testing.T) {
	english := regexp.MustCompile(`\b(NUMBER|FILE|TEXT|TIME|KEY|VALUE|string|duration|int)\b|\(default .`)
	for _, lang := range []string{"es_MX.UTF-8", "en_US.UTF-8"} {
		t.Setenv("LANG", lang)
		o := newOptions(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
		var visit func(*cobra.Command)
		visit = func(c *cobra.Command) {
			if help := c.Short + c.Long + c.UsageString(); strings.Contains(help, "cli.") {
				t.Errorf("%s in %s: a text is missing:\n%s", c.CommandPath(), lang, help)
			} else if lang == "es_MX.UTF-8" && english.MatchString(help) {
				t.Errorf("%s: English words:\n%s", c.CommandPath(), help)
			}
			for _, sub := range c.Commands() {
				visit(sub)
			}
		}
		visit(newRoot(o))
	}
}

func TestLogFilter(t *testing.T) {
	o := newOptions(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
	day := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }
	now := day(11, 23).Add(15 * time.Hour)
	for _, c := range []struct {
		from, to string
		begin    time.Time
		end      time.Time // zero: open
	}{
		{"", "", day(11, 17), time.Time{}}, // seven days with today
		{"2026-11-01", "", day(11, 1), time.Time{}},
		{"2026-11-01", "2026-11-02", day(11, 1), day(11, 3)}, // both days whole
		{"", "2026-11-10", day(11, 4), day(11, 11)},
		{"01/11/2026", "", day(11, 1), time.Time{}}, // as the language writes it
	} {
		f, err := o.logFilter(c.from, c.to, "", now)
		if err != nil || !f.From.Equal(c.begin) || !f.To.Equal(c.end) {
			t.Errorf("%q to %q: %v to %v, %v", c.from, c.to, f.From, f.To, err)
		}
	}
}

// The journey of a user at the command line, at a real office: a message is left
// by a call, read, played, marked and deleted, with and without a network.
func TestCommandLine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o := newOffice(t)
	speakToVoicemail(t, ctx, o)

	s := shell{t, t.TempDir()}
	login := []string{"login", "--server", o.Ready.HTTPS, "--company", string(officetest.Company), "--extension", "101", "--password-stdin"}
	password := o.Person("101").Password + "\n"
	s.refused("--fingerprint "+string(o.Ready.Fingerprint), password, login...)
	login = append(login, "--fingerprint", string(o.Ready.Fingerprint))
	s.refused("the number, the extension or the password", "wrong-wrong\n", login...)
	if status, out, errs := s.try(password, login...); status != 0 || !strings.Contains(out, "101") || !strings.Contains(errs, "keychain") {
		t.Fatalf("login: status %d, %q, %q", status, out, errs)
	}

	s.refused("Ext. 101 is signed in already", o.Person("102").Password+"\n", append(login, "--extension", "102")...)

	message := s.oneMessage(true)
	s.json(&[]any{}, "log", "--kind", "missed")
	if out := s.run("search", "peña", "--offline"); !strings.Contains(out, "\nMessage ") || !strings.Contains(out, string(message.ID)+"  0:") || !strings.Contains(out, " · New\n") {
		t.Errorf("the message is not found: %s", out)
	}
	wav := filepath.Join(t.TempDir(), "played.wav")
	s.run("voicemail", "play", string(message.ID), "--audio", "wav:,"+wav)
	if info, err := os.Stat(wav); err != nil || info.Size() < 16000 {
		t.Errorf("what was played: %v, %v", info, err)
	}
	s.oneMessage(false)
	mp3 := filepath.Join(t.TempDir(), "message.mp3")
	s.run("voicemail", "download", string(message.ID), mp3, "--offline")
	if info, err := os.Stat(mp3); err != nil || info.Size() != message.Size {
		t.Errorf("what was downloaded: %v, %v", info, err)
	}
	s.refused("a file of that name already", "", "voicemail", "download", string(message.ID), mp3, "--offline")
	s.refused("does not exist", "", "voicemail", "download", string(message.ID), filepath.Join(mp3, "x.mp3"), "--offline")
	s.refused("no longer there", "", "voicemail", "play", "none", "--audio", "null")
	s.refused("new or heard", "", "voicemail", "mark", string(message.ID), "old")

	if out := s.run("voicemail", "mark", string(message.ID), "new", "--offline"); out != "Message marked as new.\n" {
		t.Errorf("mark said %q", out)
	}
	s.oneMessage(true, "--offline")
	other := shell{t, t.TempDir()}
	if status, _, errs := other.try(password, login...); status != 0 {
		t.Fatal(errs)
	}
	other.oneMessage(false) // it has not been sent
	s.run("sync", "--once")
	other.oneMessage(true)
	s.answersInJSON(message.ID)

	s.keepsInStep()
	other.leavesAndComesBack(password, login[:len(login)-2:len(login)-2])
	if err := o.StopServer(); err != nil {
		t.Fatal(err)
	}
	status, out, errs := s.try("", "voicemail", "list")
	if status != 0 || !strings.Contains(out, string(message.ID)) || !strings.Contains(errs, "What is kept on this computer is shown.") {
		t.Errorf("list without a server: status %d, %q, %q", status, out, errs)
	}
	s.refused("cannot be reached", "", "sync", "--once")
	deleted := `{"id":"` + string(message.ID) + `","deleted":true,"pending":true}` + "\n"
	if status, out, errs := s.try("", "voicemail", "delete", string(message.ID), "--json"); status != 0 || out != deleted || !strings.Contains(errs, "will be sent") {
		t.Errorf("delete without a server: status %d, %q, %q", status, out, errs)
	}
	if out := s.run("voicemail", "list", "--offline"); strings.Contains(out, string(message.ID)) {
		t.Errorf("it is still there: %s", out)
	}
	if status, _, errs := s.try("", "logout", "--wipe"); status != 0 || !strings.Contains(errs, "will be lost") {
		t.Errorf("logout with a change that is not sent: status %d, %q", status, errs)
	}
	s.refused("not signed in", "", "voicemail", "list")
}

// answersInJSON does what can be done with a message, which is new afterwards as
// before.
func (s shell) answersInJSON(id office.ID) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "m.mp3")
	for _, c := range []struct{ want, line string }{
		{`"isNew":false,"pending":false`, "play " + string(id) + " --audio null"},
		{`"isNew":true,"pending":true`, "mark " + string(id) + " new --offline"},
		{`"isNew":true,"pending":false`, "mark " + string(id) + " new"},
		{`"file":"` + file + `"`, "download " + string(id) + " " + file},
	} {
		if out, want := s.run(append([]string{"voicemail", "--json"}, strings.Fields(c.line)...)...), `{"id":"`+string(id)+`",`+c.want+"}\n"; out != want {
			s.t.Errorf("%s: %q, want %q", c.line, out, want)
		}
	}
}

// leavesAndComesBack logs out, with and without the copy, and in again: the
// server is known by then, so login names no fingerprint.
func (s shell) leavesAndComesBack(password string, login []string) {
	s.t.Helper()
	s.run("logout")
	if status, _, errs := s.try(password, login...); status != 0 {
		s.t.Errorf("login at a known server: status %d, %q", status, errs)
	}
	s.refused("is not your office", password, append(login, "--fingerprint", strings.Repeat("0", 64))...)
	s.run("logout")
	if out := s.run("logout", "--wipe"); !strings.Contains(out, "has been erased") {
		s.t.Errorf("what was kept is not said to be gone: %q", out)
	}
	s.refused("no copy is left", "", "logout", "--wipe")
	if kept, err := local.Kept(s.profile); err != nil || len(kept) != 0 {
		s.t.Errorf("%v is still there, %v", kept, err)
	}
}

// keepsInStep runs sync until it has said how things stand.
func (s shell) keepsInStep() {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), time.Minute)
	defer stop()
	r, w := io.Pipe()
	defer r.Close()
	ended := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"sync", "--json", "--profile", s.profile}, strings.NewReader(""), w, &errs)
		w.Close()
	}()
	var answer syncAnswer
	if err := json.NewDecoder(r).Decode(&answer); err != nil || !answer.Online || answer.NewVoicemails != 1 || answer.Pending != 0 {
		s.t.Errorf("%+v, %v, %s", answer, err, errs.String())
	}
	stop()
	go io.Copy(io.Discard, r)
	if status := <-ended; status != 0 {
		s.t.Errorf("interrupted: status %d, %s", status, errs.String())
	}
}

// oneMessage returns the only message of the list, which must be new or not.
func (s shell) oneMessage(isNew bool, flags ...string) (m office.Voicemail) {
	s.t.Helper()
	var list []office.Voicemail
	s.json(&list, append([]string{"voicemail", "list"}, flags...)...)
	if len(list) != 1 || list[0].IsNew != isNew {
		s.t.Fatalf("messages %+v, want one, new: %v", list, isNew)
	}
	return list[0]
}

// speakToVoicemail lets 102 call 101, whose voicemail answers, and speak for a while.
func speakToVoicemail(t *testing.T, ctx context.Context, o *officetest.Office) {
	t.Helper()
	phone, err := o.Phone(ctx, "102", officetest.PhoneOptions{Hz: 1000})
	if err != nil {
		t.Fatal(err)
	}
	c, err := phone.Call("101")
	if err != nil {
		t.Fatal(err)
	}
	if err := phone.Reach(ctx, c, softphone.Active); err != nil {
		t.Fatal(err)
	}
	for speaking := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-c.Done():
			t.Fatalf("the voicemail hung up: %+v", c.Status())
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case now := <-speaking.C:
			if c.Status().Duration(now) > 12*time.Second { // the greeting comes first
				c.Hangup()
				<-c.Done()
				return
			}
		}
	}
}
