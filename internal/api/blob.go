package api

import (
	"context"
	"encoding/json"
	"errors"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// copyBlobs answers Blob/copy (RFC 8620 §6.3). A session has one account, so that
// what it may copy is where it is to be already.
func (s *Server) copyBlobs(ctx context.Context, account office.ID, raw json.RawMessage) (any, error) {
	var a jmap.CopyBlobsArgs
	if refused := jmap.Decode(raw, &a); refused != nil {
		return nil, refused
	}
	switch {
	case a.AccountID == "" || a.FromAccountID == "" || a.BlobIDs == nil:
		return nil, jmap.Invalid("fromAccountId, accountId and blobIds are needed")
	case office.ID(a.AccountID) != account:
		return nil, &jmap.MethodError{Type: jmap.AccountNotFound}
	case office.ID(a.FromAccountID) != account:
		return nil, &jmap.MethodError{Type: jmap.FromAccountNotFound}
	case len(a.BlobIDs) > jmap.DefaultLimits.MaxObjectsInSet:
		return nil, &jmap.MethodError{Type: jmap.RequestTooLarge}
	}
	answer := jmap.CopyBlobsResponse{FromAccountID: a.FromAccountID, AccountID: a.AccountID}
	for _, id := range a.BlobIDs {
		file, _, err := s.cfg.Store.OpenBlob(ctx, account, office.ID(id))
		if errors.Is(err, office.ErrNotFound) {
			if answer.NotCopied == nil {
				answer.NotCopied = map[jmap.ID]jmap.SetError{}
			}
			answer.NotCopied[id] = jmap.SetError{Type: jmap.NotFound}
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
		if answer.Copied == nil {
			answer.Copied = map[jmap.ID]jmap.ID{}
		}
		answer.Copied[id] = id
	}
	return answer, nil
}
