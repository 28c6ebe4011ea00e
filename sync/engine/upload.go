package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// uploadTime is how long a file may take to go up.
const uploadTime = 10 * time.Minute

// Reasons of refused edits whose file could not go up.
const (
	FileDamaged  = "fileDamaged"  // it cannot be read here any more
	FileTooLarge = "fileTooLarge" // for the server
)

// upload sends the files of edits that wait for it, and returns whether there is
// something to exchange now. Where one cannot be sent now, the others wait too.
func (x *exchange) upload(ctx context.Context) (sent bool, err error) {
	for _, edit := range x.waiting {
		if x.failed != nil {
			return sent, nil
		}
		blob, err := x.uploadFile(ctx, edit)
		switch {
		case err == nil:
			x.uploaded[edit.Seq] = true
			err = x.l.mirror.Uploaded(ctx, edit, blob)
		case errors.Is(err, local.ErrDamaged):
			err = x.refuse(ctx, edit, jmap.SetError{Type: FileDamaged})
		case errors.Is(err, office.ErrLimit):
			err = x.refuse(ctx, edit, jmap.SetError{Type: FileTooLarge})
		case errors.Is(err, errSent):
			err = nil
		case errors.Is(err, office.ErrTooMany): // the account has as many uploads as it may: the rest of the sync is well
			err = x.l.mirror.Postpone(ctx, edit, x.e.now().Add(local.Hold))
		case errors.Is(err, office.ErrSession):
			return sent, err
		default:
			x.failed = fmt.Errorf("uploading: %w", err)
			return sent, ctx.Err()
		}
		if err != nil {
			return sent, err
		}
		sent = true
	}
	x.waiting = nil
	return sent, nil
}

// errSent says that an edit is gone: another process has sent it, or the user
// thought better of it.
var errSent = errors.New("the file is not wanted any more")

// uploadFile sends the file of one edit and returns its blob (RFC 8620 §6.1).
func (x *exchange) uploadFile(ctx context.Context, edit local.Edit) (office.ID, error) {
	mirror, err := x.l.vault(ctx)
	if err != nil {
		return "", err
	}
	content, mediaType, err := mirror.File(ctx, edit)
	if errors.Is(err, office.ErrNotFound) {
		return "", errSent
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", err
	}
	session := x.l.jmapSession()
	target, err := jmap.Expand(session.UploadURL, map[string]string{"accountId": string(x.l.account.ID)})
	if err != nil {
		return "", err
	}
	var answer jmap.UploadResponse
	err = x.client.exchangeWithin(ctx, uploadTime, http.MethodPost, target, file{content, size, mediaType}, &answer)
	if err == nil && !office.ID(answer.BlobID).Valid() {
		err = fmt.Errorf("%w: an upload without a blob", office.ErrUnavailable)
	}
	return office.ID(answer.BlobID), err
}
