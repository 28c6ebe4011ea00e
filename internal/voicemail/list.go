package voicemail

import (
	"context"
	"errors"
	"os"
	"slices"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

// A list is what a caller browses: the new messages, then the old ones, each
// from the oldest to the newest. at is where the caller is: on that message, or
// where on is false, in front of it: nothing was played yet, or what was has been
// deleted.
type list struct {
	messages []office.Voicemail
	at       int
	on       bool
}

// step moves by n messages and reports whether there is one. It stays where it is
// if not.
func (l *list) step(n int) bool {
	if n > 0 && !l.on {
		n-- // the next one is where we stand
	}
	to := l.at + n
	if to < 0 || to >= len(l.messages) {
		return false
	}
	l.at, l.on = to, true
	return true
}

// drop takes the current message away.
func (l *list) drop() {
	l.messages = slices.Delete(l.messages, l.at, l.at+1)
	l.on = false
}

// list reads the messages of the mailbox.
func (v *visit) list(ctx context.Context) (*list, error) {
	account := v.owner.Account
	ids, err := v.box.store.QueryVoicemails(ctx, account, store.VoicemailFilter{}, store.Page{})
	if err != nil || len(ids) == 0 {
		return &list{}, err
	}
	messages, err := v.box.store.Voicemails(ctx, account, ids...)
	slices.SortFunc(messages, func(a, b office.Voicemail) int {
		if a.IsNew != b.IsNew {
			if a.IsNew {
				return -1
			}
			return 1
		}
		return a.ReceivedAt.Compare(b.ReceivedAt)
	})
	return &list{messages: messages}, err
}

// overview says how full the mailbox is and what is in it. A key cuts it short
// and is kept for the menu.
func (v *visit) overview(ctx context.Context, l *list) error {
	var words []Prompt
	m, err := v.box.store.Mailbox(ctx, v.owner.Account)
	if err != nil {
		return err
	}
	if m.Fullness() >= nearlyFull {
		words = append(words, almostFull)
	}
	fresh := 0
	for _, m := range l.messages {
		if m.IsNew {
			fresh++
		}
	}
	v.pressed, err = v.say(ctx, allKeys, append(words, count(fresh, len(l.messages)-fresh, v.language)...)...)
	return err
}

// browse does what the keys say until the caller leaves or wants to call back.
func (v *visit) browse(ctx context.Context, l *list) error {
	for {
		key := v.pressed
		v.pressed = 0
		if key == 0 {
			var err error
			if key, err = v.choose(ctx, menuOptions); err != nil {
				return err
			}
		}
		if key == '*' {
			return nil
		}
		if err := v.do(ctx, l, key); err != nil || v.result.CallBack != "" {
			return err
		}
	}
}

// do does what one key says.
func (v *visit) do(ctx context.Context, l *list, key rune) error {
	steps := map[rune]int{'1': 0, '4': -1, '6': 1}
	step, moves := steps[key]
	switch {
	case key == '0':
		return v.greetings(ctx)
	case moves && l.step(step):
		return v.hear(ctx, l)
	case moves, len(l.messages) == 0:
		return v.reply(ctx, noMore)
	case !l.on:
		return v.reply(ctx, notUnderstood)
	case key == '7':
		return v.delete(ctx, l)
	case key == '8':
		return v.callBack(ctx, l.messages[l.at])
	case key == '9':
		return v.mark(ctx, l, saved)
	}
	return v.reply(ctx, notUnderstood)
}

// reply says words; a key cuts them short and is kept for the menu.
func (v *visit) reply(ctx context.Context, words ...Prompt) (err error) {
	v.pressed, err = v.say(ctx, allKeys, words...)
	return err
}

// hear says from whom the current message is and when it came, and plays it. A
// key cuts both short and is kept for the menu; # goes from the words to the
// message.
func (v *visit) hear(ctx context.Context, l *list) error {
	m := l.messages[l.at]
	now := v.box.clock(ctx)
	words := append(sender(m.From.Number, v.box.company(ctx).Region), when(m.ReceivedAt.In(now.Location()), now, v.language)...)
	key, err := v.say(ctx, allKeys, words...)
	if err != nil || key != 0 && key != '#' {
		v.pressed = key
		return err
	}
	sound, err := v.sound(ctx, m)
	if errors.Is(err, office.ErrNotFound) { // deleted elsewhere meanwhile
		l.drop()
		return v.reply(ctx, deleted)
	}
	if err != nil {
		return err
	}
	v.pressed, err = v.play(ctx, sound, allKeys)
	return errors.Join(err, v.mark(ctx, l))
}

// sound returns that of a message at Rate: the master, which is quicker to read,
// or the MP3 made of it.
func (v *visit) sound(ctx context.Context, m office.Voicemail) ([]int16, error) {
	if f, err := os.Open(v.box.store.MasterPath(m.ID)); err == nil {
		defer f.Close()
		if sound, err := media.ReadWAV(f); err == nil {
			return sound.At(Rate).Samples, nil
		}
	}
	return v.box.blob(ctx, v.owner.Account, m.BlobID)
}

// mark makes the current message an old one, so that lamps and clients see that
// it has been heard, and says words.
func (v *visit) mark(ctx context.Context, l *list, words ...Prompt) error {
	m := &l.messages[l.at]
	if m.IsNew {
		set := store.VoicemailSet{IsNew: map[office.ID]bool{m.ID: false}}
		// Who hangs up in the middle has heard it as well.
		if _, err := v.box.store.SetVoicemails(context.WithoutCancel(ctx), v.owner.Account, set); err != nil {
			return v.unsaved(ctx, err)
		}
		m.IsNew = false
	}
	if len(words) == 0 {
		return nil
	}
	return v.reply(ctx, words...)
}

// delete removes the current message for good.
func (v *visit) delete(ctx context.Context, l *list) error {
	set := store.VoicemailSet{Destroy: []office.ID{l.messages[l.at].ID}}
	if _, err := v.box.store.SetVoicemails(ctx, v.owner.Account, set); err != nil {
		return v.unsaved(ctx, err)
	}
	l.drop()
	return v.reply(ctx, deleted)
}

// unsaved tells the caller that a change was not written.
func (v *visit) unsaved(ctx context.Context, err error) error {
	v.box.log.Error("change from the voicemail menu not written", "account", v.owner.Account, "err", err)
	return v.reply(ctx, notSaved)
}

// callBack ends the visit with the number of who left the message.
func (v *visit) callBack(ctx context.Context, m office.Voicemail) error {
	if m.From.Number == "" {
		return v.reply(ctx, noNumber)
	}
	v.result.CallBack = m.From.Number
	return nil
}
