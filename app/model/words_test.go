package model

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// TestEveryOfficeErrorHasWords reads the closed list from its source: a new one
// without words fails here.
func TestEveryOfficeErrorHasWords(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../internal/office/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(f, func(n ast.Node) bool {
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return true
		}
		code, _ := strconv.Unquote(l.Value)
		codes++
		for _, lang := range languages {
			p := NewPhrasebook(lang)
			words := p.Words(fmt.Errorf("doing: %w", office.Error(code)))
			if words == p.Say("error.unknown") || code != strings.ToLower(code) && strings.Contains(words, code) || !strings.HasSuffix(words, ".") {
				t.Errorf("%s in %s: %q", code, lang, words)
			}
		}
		return true
	})
	if codes < 10 {
		t.Errorf("only %d errors found", codes)
	}
}

func TestWords(t *testing.T) {
	badURL := &url.Error{Op: "parse", URL: "https://[", Err: errors.New("missing ]")}
	for _, c := range []struct {
		err error
		key string
	}{
		{softphone.ErrInCall, "callError.busyHere"},
		{softphone.ErrNotRunning, "callError.notRegistered"},
		{&engine.UnknownAuthority{}, "error.fingerprint"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "error.timeout"},
		{&os.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, "error.permission"},
		{&os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, "error.noFile"},
		{&os.PathError{Op: "open", Path: "/x/y", Err: syscall.ENOTDIR}, "error.noFile"},
		{&os.PathError{Op: "open", Path: "/x", Err: syscall.EROFS}, "error.readOnly"},
		{&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, "error.diskFull"},
		{badURL, "error.server"},
		{errors.New("database is locked: SQLITE_BUSY (5)"), "error.unknown"}, // never a code without words
		{errors.Join(errors.New("x"), office.ErrOffline), "error.offline"},
	} {
		for _, lang := range languages {
			if got, want := NewPhrasebook(lang).Words(c.err), NewPhrasebook(lang).Say(c.key); got != want {
				t.Errorf("%v: %q, want %q", c.err, got, want)
			}
		}
	}
	if got := NewPhrasebook(office.Spanish).Words(nil); got != "" {
		t.Errorf("no error has the words %q", got)
	}
}

func TestCallWords(t *testing.T) {
	answered := time.Unix(1, 0)
	for _, c := range []struct {
		s   softphone.Status
		key string // empty: nothing to say
	}{
		{softphone.Status{State: softphone.Active}, ""},
		{softphone.Status{State: softphone.Ended, Outcome: office.Answered, AnsweredAt: answered}, ""},
		{softphone.Status{State: softphone.Ended, Outcome: office.Canceled}, ""}, // the user knows
		{softphone.Status{State: softphone.Ended, Outcome: office.Busy, Code: 486}, "callError.busy"},
		{softphone.Status{State: softphone.Ended, Outcome: office.NoAnswer, Code: 480}, "callError.noAnswer"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Declined, Code: 603}, "callError.declined"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 404}, "callError.notFound"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 403}, "callError.forbidden"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 488}, "callError.media"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 503}, "callError.server"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed}, "callError.network"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 420}, "callError.other"},
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 408, AnsweredAt: answered}, "callError.lost"},
	} {
		p := NewPhrasebook(office.Spanish)
		want := ""
		if c.key != "" {
			want = p.Say(c.key)
		}
		if got := p.CallWords(c.s, "102", "MX"); got != want {
			t.Errorf("%+v: %q, want %q", c.s, got, want)
		}
	}
}

// What the number is, and what the office says of it, counts more than the status.
func TestCallWordsOfTheReason(t *testing.T) {
	for _, c := range []struct {
		n    office.Number
		why  string
		code int
		key  string
	}{
		{"102", "404", 404, "callError.notFound"},
		{"55550100", "404", 404, "callError.notFound"},
		{"+525555550100", "404", 404, "callError.notFound"},
		{"+525555550100", "", 404, "callError.notFound"},
		{"+525555550100", office.NoTrunk, 503, "callError.noTrunk"},
		{"+525555550100", "503", 503, "callError.server"}, // the office stops
		{"+525555550100", "", 503, "callError.server"},    // or is gone
		{"+525555550100", "403", 403, "callError.forbidden"},
		{"+525555550100", office.TooManyCalls, 403, "callError.tooManyCalls"},
		{"+525555550100", office.MinutesUsed, 403, "callError.minutesUsed"},
		{"911", office.NoTrunk, 503, "callError.emergency"},
		{"911", "", 0, "callError.emergency"},
		{"060", "404", 404, "callError.emergency"}, // in Mexico
	} {
		for _, lang := range languages {
			p := NewPhrasebook(lang)
			s := softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: c.code, Why: c.why}
			if got, want := p.CallWords(s, c.n, "MX"), p.Say(c.key); got != want {
				t.Errorf("%s, %d %s: %q, want %q", string(c.n), c.code, c.why, got, want)
			}
		}
	}
}

// The words for a limit say whom to ask.
func TestRefusalsNameTheAdministrator(t *testing.T) {
	for _, key := range []string{"callError.forbidden", "callError.tooManyCalls", "callError.minutesUsed", "callError.noTrunk"} {
		for lang, who := range map[office.Language]string{office.Spanish: "tu administrador.", office.English: "your administrator"} {
			if got := NewPhrasebook(lang).Say(key); !strings.Contains(got, who) {
				t.Errorf("%s: %q", key, got)
			}
		}
	}
}

// The log says of a call that could not be made what happened and what to do.
func TestFailure(t *testing.T) {
	for _, lang := range languages {
		p := NewPhrasebook(lang)
		for _, reason := range []string{"404", "403", "480", "488", "500", "503", "420", "0", "", office.TooManyCalls, office.MinutesUsed, office.NoTrunk} {
			c := office.Call{Kind: office.Outgoing, Outcome: office.Failed, Reason: reason}
			short, bad := p.Outcome(c, "MX")
			_, advice, _ := strings.Cut(p.Failure(c), ". ")
			if short == "" || strings.Contains(short, "outcome.") || !bad || advice == "" || !strings.HasSuffix(advice, ".") {
				t.Errorf("%s in %s: %q, %q", reason, lang, short, p.Failure(c))
			}
		}
	}
	p := NewPhrasebook(office.Spanish)
	for _, c := range []office.Call{
		{Kind: office.Outgoing, Outcome: office.Answered},
		{Kind: office.Outgoing, Outcome: office.Busy, Reason: "486"},
		{Kind: office.Outgoing, Outcome: office.Failed, Reason: office.Interrupted},
		{Kind: office.Incoming, Outcome: office.Failed, Reason: "500"},
		{Kind: office.Outgoing, Outcome: office.Failed, Reason: "408", AnsweredAt: &noon}, // it was made
	} {
		if words := p.Failure(c); words != "" {
			t.Errorf("%+v: %q", c, words)
		}
	}
}

// What stands in the middle of another text begins as a sentence does there.
func TestTextsThatHoldOthers(t *testing.T) {
	for _, lang := range languages {
		for key, text := range NewPhrasebook(lang).texts {
			if strings.Contains(text, ": {reason}") {
				t.Errorf("%s in %s: a sentence begins after a colon: %q", key, lang, text)
			}
		}
	}
}
