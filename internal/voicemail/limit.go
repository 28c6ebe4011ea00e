package voicemail

import (
	"context"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

const (
	nearlyFull = 90 // per cent of a mailbox, from which on its owner is warned
	diskFull   = 95 // per cent of the disk, from which on no message is taken

	diskMailEvery  = 24 * time.Hour // the administrator is told of a full disk
	wrongMailEvery = time.Hour      // an owner is told of wrong PINs
)

// refusal returns what a caller hears instead of the greeting where the mailbox
// of account takes no message now, else "". Where it cannot be known, one is
// taken.
func (b *Box) refusal(ctx context.Context, account office.ID) Prompt {
	if percent := b.disk(ctx); percent >= diskFull {
		b.tell(ctx, "", diskMailEvery, office.Notice{Kind: office.NoticeDisk, Count: percent})
		return DiskFull
	}
	m, err := b.store.Mailbox(ctx, account)
	if err != nil {
		b.log.Error("size of a mailbox not read", "account", account, "err", err)
		return ""
	}
	begun, err := b.store.Recordings(ctx) // they will be messages too
	if err != nil {
		b.log.Error("recordings not read", "account", account, "err", err)
	}
	for _, r := range begun {
		if r.Account == account {
			m.Messages++
		}
	}
	if m.IsFull() {
		return MailboxFull
	}
	return ""
}

// disk returns how much of the disk is in use, in per cent; 0 where it is not
// known.
func (b *Box) disk(ctx context.Context) int {
	if b.diskUse == nil {
		return 0
	}
	used, total, err := b.diskUse(ctx)
	if err != nil || total <= 0 {
		b.log.Error("use of the disk not read", "err", err)
		return 0
	}
	return int(used * 100 / total)
}

// warn tells the owner of a mailbox that it is nearly full, when the message that
// has just been kept made it so.
func (b *Box) warn(ctx context.Context, to office.Extension, v office.Voicemail) {
	m, err := b.store.Mailbox(ctx, to.Account)
	if err != nil {
		b.log.Error("size of a mailbox not read", "account", to.Account, "err", err)
		return
	}
	before := office.Mailbox{Messages: m.Messages - 1, Bytes: m.Bytes - v.Stored()}
	if m.Fullness() >= nearlyFull && before.Fullness() < nearlyFull {
		b.tell(ctx, to.Account, 0, office.Notice{Kind: office.NoticeMailboxFull, Extension: to.Number, Name: to.Name, Count: m.Fullness()})
	}
}

// tell has n sent to the user of account, or to the administrator where it is
// empty, unless it was told the same less than every ago.
func (b *Box) tell(ctx context.Context, account office.ID, every time.Duration, n office.Notice) {
	n.At = b.now().UTC()
	if err := b.store.AddMail(ctx, store.Mail{Account: account, Notice: n, Every: every}); err != nil {
		b.log.Error("notice not written", "account", account, "kind", n.Kind, "err", err)
	}
}
