package voicemail

import (
	"context"
	"fmt"
	"strings"
	"time"

	"timbre/internal/office"
)

// A Prompt is something that the office says, by the name of its file. Names
// are Debian's where it ships a recording of the same meaning.
type Prompt string

// What callers and users hear of their calls.
const (
	Intro                Prompt = "vm-intro"         // leave a message after the tone
	NoAnswer             Prompt = "vm-nobodyavail"   // nobody is there
	MailboxFull          Prompt = "vm-mailboxfull"   // no more messages are taken
	DiskFull             Prompt = "disk-full"        // no messages are taken now
	EchoTest             Prompt = "demo-echotest"    // what you say will be repeated
	NotFound             Prompt = "not-found"        // there is no such number
	NotAllowed           Prompt = "not-allowed"      // your extension may not call this; ask your administrator
	TooManyCalls         Prompt = "too-many-calls"   // your extension has too many outside calls; ask your administrator
	MinutesUsed          Prompt = "minutes-used"     // the outside minutes of today are used up; ask your administrator
	NoTrunk              Prompt = "no-trunk"         // no line to the outside works now
	EmergencyUnavailable Prompt = "emergency-mobile" // use a mobile at once
	AcceptCall           Prompt = "accept-call"      // a forwarded call: press 1 to accept, 2 to decline
)

// What the menu says in whole sentences.
const (
	enterMailbox   Prompt = "enter-mailbox"
	enterPIN       Prompt = "enter-pin"
	wrongPIN       Prompt = "wrong-pin"
	tooManyTries   Prompt = "too-many-tries"
	noPIN          Prompt = "no-pin"
	almostFull     Prompt = "almost-full"
	menuOptions    Prompt = "menu-options"
	notUnderstood  Prompt = "vm-sorry"
	goodbye        Prompt = "vm-goodbye"
	noMessages     Prompt = "no-messages"
	deleted        Prompt = "vm-deleted"
	saved          Prompt = "vm-msgsaved"
	noMore         Prompt = "vm-nomore"
	noNumber       Prompt = "no-number" // of the caller who left the message
	greetingMenu   Prompt = "greeting-menu"
	greetingRecord Prompt = "greeting-record"
	greetingReview Prompt = "greeting-review"
	greetingDays   Prompt = "greeting-days"
	greetingSaved  Prompt = "greeting-saved"
	greetingReset  Prompt = "greeting-default"
	tooShort       Prompt = "vm-tooshort"
	notSaved       Prompt = "not-saved"
)

// The words of which the menu makes sentences, see words.go.
const (
	youHave       Prompt = "vm-youhave"
	newOne        Prompt = "vm-INBOXs" // one message; English has the same word for many
	newOnes       Prompt = "vm-INBOX"
	oldOne        Prompt = "vm-Olds"
	oldOnes       Prompt = "vm-Old"
	message       Prompt = "vm-message"
	messages      Prompt = "vm-messages"
	and           Prompt = "vm-and"
	fromExtension Prompt = "vm-from-extension"
	fromNumber    Prompt = "vm-from-phonenumber"
	fromUnknown   Prompt = "vm-unknown-caller"
	received      Prompt = "vm-received"
	today         Prompt = "digits/today"
	yesterday     Prompt = "digits/yesterday"
	of            Prompt = "digits/es-de" // 5 of May
	at            Prompt = "digits/at"
	atOne         Prompt = "digits/at_s" // the first hour, which is singular in Spanish
	oClock        Prompt = "digits/oclock"
	oh            Prompt = "digits/oh" // five past one is one oh five
	morning       Prompt = "digits/a-m"
	afternoon     Prompt = "digits/p-m"
	tensAnd       Prompt = "digits/and" // thirty and one
	twentyAnd     Prompt = "digits/20-and"
	first         Prompt = "digits/first" // of a month
	oneMasculine  Prompt = "digits/1M"
	oneFeminine   Prompt = "digits/1F"
)

// Say speaks one prompt in a language, in real time. It returns when it has been
// heard, when the leg is over, which is no error, or with ctx's error.
func (b *Box) Say(ctx context.Context, leg Leg, p Prompt, l office.Language) error {
	samples, err := b.sounds.Prompt(p, l)
	if err != nil {
		return err
	}
	if _, err := leg.Play(ctx, samples, ""); err != nil {
		return fmt.Errorf("speaking %s: %w", p, err)
	}
	return nil
}

// pauseTime is how long Ask waits before it asks again.
const pauseTime = 2 * time.Second

// Ask speaks a prompt, again and again, until one of keys is pressed, which it
// returns, also in the middle of the prompt. It returns 0 where none is within
// the time given after the prompt was spoken once, or when the leg is over.
func (b *Box) Ask(ctx context.Context, leg Leg, p Prompt, l office.Language, keys string, within time.Duration) (rune, error) {
	samples, err := b.sounds.Prompt(p, l)
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	for first := true; ; first = false {
		key, err := leg.Play(limited, samples, keys)
		if first {
			defer time.AfterFunc(within, cancel).Stop()
		}
		if key == 0 && err == nil {
			key, err = await(limited, leg, keys, pauseTime)
		}
		switch {
		case key != 0:
			return key, nil
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case over(limited, leg):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("asking %s: %w", p, err)
		}
	}
}

// await returns the next of keys that is pressed within a time; 0 where none is,
// or when the leg is over.
func await(ctx context.Context, leg Leg, keys string, within time.Duration) (rune, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case key, ok := <-leg.Digits():
			if !ok {
				return 0, nil
			}
			if strings.ContainsRune(keys, key) {
				return key, nil
			}
		case <-late.C:
			return 0, nil
		case <-leg.Done():
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// prompt returns the samples of p. What is missing is silence, and logged: a
// dialogue goes on without it.
func (b *Box) prompt(p Prompt, l office.Language) []int16 {
	samples, err := b.sounds.Prompt(p, l)
	if err != nil {
		b.log.Error("prompt missing", "err", err)
	}
	return samples
}
