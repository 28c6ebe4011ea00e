package voicemail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/internal/office"
)

const (
	allKeys = "0123456789*#"

	betweenDigits = 4 * time.Second // then a number is complete, as after #
	firstDigit    = 6 * time.Second // of a number, after the question
	thinking      = 3 * time.Second // before the choices are said, and said again
	patience      = 3               // times that a question is asked
)

// errLeft ends a dialogue whose caller has hung up or does not answer any more.
var errLeft = errors.New("nobody is there")

// A dialogue asks somebody on a leg and understands the keys. It is used by one
// goroutine.
type dialogue struct {
	box      *Box
	leg      Leg
	language office.Language
}

// say speaks words one after the other until one of the keys in stop is pressed,
// which it returns. errLeft: nobody hears it.
func (d *dialogue) say(ctx context.Context, stop string, words ...Prompt) (rune, error) {
	for _, w := range words {
		if key, err := d.play(ctx, d.box.prompt(w, d.language), stop); key != 0 || err != nil {
			return key, err
		}
	}
	return 0, nil
}

// play does the same with samples.
func (d *dialogue) play(ctx context.Context, samples []int16, stop string) (rune, error) {
	key, err := d.leg.Play(ctx, samples, stop)
	if err != nil {
		return 0, fmt.Errorf("speaking: %w", err)
	}
	if key == 0 && over(ctx, d.leg) {
		return 0, errLeft
	}
	return key, nil
}

// key waits for a key; 0 where none is pressed within the time. errLeft: nobody is
// there to press one.
func (d *dialogue) key(ctx context.Context, within time.Duration) (rune, error) {
	key, err := await(ctx, d.leg, allKeys, within)
	if key == 0 && err == nil && over(ctx, d.leg) {
		err = errLeft
	}
	return key, err
}

// choose waits a moment, then says what there is to choose from, until a key is
// pressed. errLeft: there is no answer.
func (d *dialogue) choose(ctx context.Context, choices Prompt) (rune, error) {
	for range patience {
		key, err := d.key(ctx, thinking)
		if key == 0 && err == nil {
			key, err = d.say(ctx, allKeys, choices)
		}
		if key != 0 || err != nil {
			return key, err
		}
	}
	if key, err := d.key(ctx, firstDigit); key != 0 || err != nil {
		return key, err
	}
	return 0, errLeft
}

// longestNumber is how many digits of a number are kept; more are as wrong.
const longestNumber = 16

// number asks for a number, which # or a pause completes. It is empty where none
// was entered, also by *.
func (d *dialogue) number(ctx context.Context, question ...Prompt) (string, error) {
	key, err := d.say(ctx, allKeys, question...)
	if key == 0 && err == nil {
		key, err = d.key(ctx, firstDigit)
	}
	var number []rune
	for ; err == nil && key != 0 && key != '#'; key, err = d.key(ctx, betweenDigits) {
		if key == '*' {
			return "", nil
		}
		if len(number) < longestNumber {
			number = append(number, key)
		}
	}
	return string(number), err
}
