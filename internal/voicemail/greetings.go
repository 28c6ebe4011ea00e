package voicemail

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// longestTemporary is for how many days a temporary greeting may be heard.
const longestTemporary = 365

// greetings lets the owner hear and change what callers hear.
func (v *visit) greetings(ctx context.Context) error {
	for {
		key, err := v.choose(ctx, greetingMenu)
		if err != nil {
			return err
		}
		switch key {
		case '1':
			err = v.record(ctx, office.GreetingOwn)
		case '2':
			_, err = v.play(ctx, v.box.greeting(ctx, v.owner), allKeys)
		case '3':
			err = v.keep(ctx, office.GreetingDefault, nil, nil)
		case '4':
			err = v.record(ctx, office.GreetingTemporary)
		case '*':
			return nil
		default:
			_, err = v.say(ctx, "", notUnderstood)
		}
		if err != nil {
			return err
		}
	}
}

// record lets the owner record a greeting until it pleases. * keeps the one that
// there was.
func (v *visit) record(ctx context.Context, kind office.GreetingKind) error {
	for {
		samples, err := v.tape(ctx)
		if err != nil {
			return err
		}
		if lasting(len(samples)) < minGreeting {
			if _, err := v.say(ctx, "", tooShort); err != nil {
				return err
			}
			continue
		}
		again, err := v.review(ctx, kind, samples)
		if err != nil || !again {
			return err
		}
	}
}

// tape returns what the owner says after the beep.
func (v *visit) tape(ctx context.Context) ([]int16, error) {
	if _, err := v.say(ctx, "#", greetingRecord); err != nil {
		return nil, err
	}
	var m memory
	t, err := newTape(&m, office.MaxGreeting)
	if err != nil {
		return nil, fmt.Errorf("making a recording: %w", err)
	}
	if _, err := record(ctx, v.leg, t); err != nil {
		return nil, err
	}
	if over(ctx, v.leg) {
		return nil, errLeft
	}
	sound, err := media.ReadWAV(bytes.NewReader(m.data))
	return sound.Samples, err
}

// review lets the owner decide on what was recorded; again: once more.
func (v *visit) review(ctx context.Context, kind office.GreetingKind, samples []int16) (again bool, err error) {
	for {
		key, err := v.choose(ctx, greetingReview)
		if err != nil {
			return false, err
		}
		switch key {
		case '1':
			until, err := v.until(ctx, kind)
			if err != nil {
				return false, err
			}
			return false, v.keep(ctx, kind, samples, until)
		case '2':
			_, err = v.play(ctx, samples, allKeys)
		case '3':
			return true, nil
		case '*':
			return false, nil
		default:
			_, err = v.say(ctx, "", notUnderstood)
		}
		if err != nil {
			return false, err
		}
	}
}

// until asks for how many days a temporary greeting is heard and returns the
// midnight that ends the last of them; nil: until it is changed.
func (v *visit) until(ctx context.Context, kind office.GreetingKind) (*time.Time, error) {
	if kind != office.GreetingTemporary {
		return nil, nil
	}
	for {
		entered, err := v.number(ctx, greetingDays)
		if err != nil || entered == "" {
			return nil, err
		}
		if days, err := strconv.Atoi(entered); err == nil && days > 0 && days <= longestTemporary {
			end := day(v.box.clock(ctx)).AddDate(0, 0, days).UTC()
			return &end, nil
		}
		if _, err := v.say(ctx, "", notUnderstood); err != nil {
			return nil, err
		}
	}
}

// keep has callers hear a greeting from now on.
func (v *visit) keep(ctx context.Context, kind office.GreetingKind, samples []int16, until *time.Time) error {
	done := greetingReset
	var sound []byte
	if kind != office.GreetingDefault {
		done = greetingSaved
		var err error
		if sound, err = encodeWAV(samples); err != nil {
			return err
		}
	}
	if err := v.box.store.SetGreeting(ctx, v.owner.Account, kind, sound, GreetingType, until); err != nil {
		v.box.log.Error("greeting not written", "account", v.owner.Account, "err", err)
		done = notSaved
	}
	_, err := v.say(ctx, "", done)
	return err
}
