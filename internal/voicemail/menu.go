package voicemail

import (
	"context"
	"errors"
	"fmt"

	"timbre/internal/office"
)

// A Caller is who enters the menu, and where.
type Caller struct {
	From     office.Party    // who calls
	Account  office.ID       // whose mailbox; empty: it is asked for
	Language office.Language // what is spoken until the mailbox is known
	Admitted bool            // the PIN of Account was right in this call already: back from a call back
}

// A Result says how a visit to the menu ended.
type Result struct {
	Account  office.ID     // whose mailbox was visited, empty where nobody got in
	CallBack office.Number // whom its owner wants to be connected with now, empty: nobody
}

// Menu holds the dialogue with somebody who wants to hear a mailbox: mailbox
// number where it is not known, PIN, messages, greetings. It returns when the
// caller has enough, hangs up, is turned away or wants to call back; the caller
// of Menu then dials, within the rights of the mailbox's owner, and comes again with
// an admitted Caller, or hangs up.
func (b *Box) Menu(ctx context.Context, leg Leg, c Caller) (Result, error) {
	v := &visit{dialogue: dialogue{box: b, leg: leg, language: c.Language}, caller: c}
	err := v.run(ctx)
	if v.result.CallBack == "" && (err == nil || errors.Is(err, errLeft)) {
		_, err = v.say(ctx, "", goodbye)
	}
	if errors.Is(err, errLeft) {
		err = ctx.Err()
	}
	if err != nil {
		return v.result, fmt.Errorf("in the voicemail menu: %w", err)
	}
	return v.result, nil
}

// A visit is one caller in the menu.
type visit struct {
	dialogue
	caller Caller
	owner  office.Extension // zero where no mailbox has the number that was entered
	result Result

	pressed rune // what the menu is to do next; 0: what is pressed next
}

// run takes the caller in and through the mailbox.
func (v *visit) run(ctx context.Context) error {
	in, err := v.enter(ctx)
	if err != nil || !in {
		return err
	}
	v.result.Account = v.owner.Account
	l, err := v.list(ctx)
	if err != nil {
		return err
	}
	if err := v.overview(ctx, l); err != nil {
		return err
	}
	return v.browse(ctx, l)
}

// enter finds the mailbox and reports whether its door opened. Who stays outside
// has been told.
func (v *visit) enter(ctx context.Context) (bool, error) {
	if err := v.find(ctx); err != nil {
		return false, err
	}
	if v.owner.Language != "" {
		v.language = v.owner.Language
	}
	if v.caller.Admitted && v.owner.Account != "" {
		return true, nil
	}
	if v.owner.Account != "" {
		hash, err := v.box.store.PINHash(ctx, v.owner.Account)
		if err == nil && hash == "" {
			_, err := v.say(ctx, "", noPIN)
			return false, err
		}
		if err != nil && !errors.Is(err, office.ErrNotFound) { // disabled: no PIN is right
			return false, err
		}
	}
	return v.knock(ctx)
}

// find learns whose mailbox is meant. A number that nobody has is not told from
// one whose PIN the caller does not know.
func (v *visit) find(ctx context.Context) (err error) {
	if v.caller.Account != "" {
		v.owner, err = v.box.store.ExtensionOf(ctx, v.caller.Account)
		return err
	}
	for range patience {
		number, err := v.number(ctx, enterMailbox)
		if err != nil {
			return err
		}
		if number == "" {
			continue
		}
		if v.owner, err = v.box.store.Extension(ctx, office.Number(number)); errors.Is(err, office.ErrNotFound) {
			v.owner, err = office.Extension{}, nil
		}
		return err
	}
	return errLeft
}

// maxWrong is how many wrong PINs end the call.
const maxWrong = 3

// knock asks for the PIN and reports whether it was right.
func (v *visit) knock(ctx context.Context) (bool, error) {
	wrong, silent := 0, 0
	for wrong < maxWrong && silent < patience {
		pin, err := v.number(ctx, enterPIN)
		if err != nil {
			return false, err
		}
		if pin == "" {
			silent++
			continue
		}
		err = v.box.gate.CheckPIN(ctx, v.owner.Account, pin, v.caller.From.Number)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, office.ErrTooMany):
			v.alarm(ctx)
			_, err := v.say(ctx, "", tooManyTries)
			return false, err
		case !errors.Is(err, office.ErrWrongPIN):
			return false, err
		}
		if wrong++; wrong == maxWrong {
			v.alarm(ctx)
		}
		if _, err := v.say(ctx, "", wrongPIN); err != nil {
			return false, err
		}
	}
	return false, nil
}

// alarm tells the owner that somebody guesses at the PIN.
func (v *visit) alarm(ctx context.Context) {
	if v.owner.Account == "" {
		return
	}
	v.box.tell(ctx, v.owner.Account, wrongMailEvery, office.Notice{
		Kind: office.NoticeWrongPIN, Extension: v.owner.Number, Name: v.owner.Name, From: v.caller.From, Count: maxWrong,
	})
}
