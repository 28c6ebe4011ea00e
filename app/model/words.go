package model

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"timbre/internal/office"
	"timbre/softphone"
)

// errServer is a server address that cannot be one.
var errServer = errors.New("not a server address")

// wordKeys says which text stands for which error; the first that matches
// counts. An office.Error that is missing here has the text "error." + its code.
var wordKeys = []struct {
	err error
	key string
}{
	{softphone.ErrInCall, "callError.busyHere"},
	{softphone.ErrNotRunning, "callError.notRegistered"},
	{errServer, "error.server"},
	{context.DeadlineExceeded, "error.timeout"},
	{context.Canceled, "error.canceled"},
	{syscall.ENOSPC, "error.diskFull"},
	{syscall.EROFS, "error.readOnly"},
	{fs.ErrPermission, "error.permission"},
	{syscall.ENOTDIR, "error.noFile"},
	{fs.ErrExist, "error.fileExists"},
	{fs.ErrNotExist, "error.noFile"},
}

// Words says what err means and what to do, in whole sentences for the user. The
// app and the command line show an error by nothing else. It is empty for nil.
func (p *Phrasebook) Words(err error) string {
	if err == nil {
		return ""
	}
	var kind office.Error
	if errors.As(err, &kind) {
		if text, ok := p.texts["error."+string(kind)]; ok {
			return text
		}
	}
	for _, w := range wordKeys {
		if errors.Is(err, w.err) {
			return p.Say(w.key)
		}
	}
	var address *url.Error
	if errors.As(err, &address) && address.Op == "parse" {
		return p.Say("error.server")
	}
	return p.Say("error.unknown")
}

// CallWords says in p's language why a call to n in region r came to nothing, and
// what to do; empty where it did not fail: answered, canceled by the user, or
// going on.
func (p *Phrasebook) CallWords(s softphone.Status, n office.Number, r office.Region) string {
	switch {
	case s.State != softphone.Ended:
		return ""
	case s.Outcome == office.Failed && !s.AnsweredAt.IsZero():
		return p.Say("callError.lost")
	}
	switch s.Outcome {
	case office.Busy:
		return p.Say("callError.busy")
	case office.NoAnswer:
		return p.Say("callError.noAnswer")
	case office.Declined:
		return p.Say("callError.declined")
	case office.Failed:
		if n.IsEmergency(r) { // whatever it was, trying again costs time
			return p.Say("callError.emergency")
		}
		return p.Say(failureKey(cmp.Or(s.Why, strconv.Itoa(s.Code))))
	}
	return ""
}

// Failure says of a call of the log that could not be made why, and what to do;
// empty for a call of any other kind.
func (p *Phrasebook) Failure(c office.Call) string {
	if c.Kind != office.Outgoing || c.Outcome != office.Failed || c.AnsweredAt != nil || c.Reason == office.Interrupted {
		return ""
	}
	return p.Say(failureKey(c.Reason))
}

// failureKey returns the text for why a call was refused: for one of office's
// reasons, or for a SIP status (RFC 3261 §21), which is 0 where nobody answered at
// all. The short one of the log has the same name behind "outcome.".
func failureKey(reason string) string {
	switch reason {
	case office.TooManyCalls:
		return "callError.tooManyCalls"
	case office.MinutesUsed:
		return "callError.minutesUsed"
	case office.NoTrunk:
		return "callError.noTrunk"
	case "404", "484", "416", "604":
		return "callError.notFound"
	case "410", "480":
		return "callError.unavailable"
	case "401", "403", "407", "603":
		return "callError.forbidden"
	case "415", "488", "606":
		return "callError.media"
	case "0", "408", "430":
		return "callError.network"
	}
	if strings.HasPrefix(reason, "5") {
		return "callError.server"
	}
	return "callError.other"
}
