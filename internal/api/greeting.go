package api

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

func (s *Server) voicemailSettings(v *visit) kind {
	return singleton[office.VoicemailSettings]{
		feed: s.cfg.Store, account: v.Account, t: store.TypeVoicemailSettings,
		initial: office.VoicemailSettings{
			IsEnabled: true, RingSeconds: int(office.DefaultRingTime / time.Second),
			Greeting: office.Greeting{Kind: office.GreetingDefault},
		},
		settable: []string{"isEnabled", "ringSeconds", "attachAudio", "greeting"},
		read:     bound(s.cfg.Store.VoicemailSettings, v.Account),
		check: func(ctx context.Context, was office.VoicemailSettings, now *office.VoicemailSettings) error {
			plain(&now.Greeting)
			if err := now.Check(); err != nil {
				return err
			}
			return s.greet(ctx, v.Account, was.Greeting, &now.Greeting)
		},
		write: func(ctx context.Context, now office.VoicemailSettings, state store.State) (store.SetResult, error) {
			return s.cfg.Store.SetVoicemailSettings(ctx, v.Account, now, state)
		},
	}
}

// plain takes away from g what its kind has not: a patch of the kind alone
// leaves the rest as it was.
func plain(g *office.Greeting) {
	g.Until = asKept(g.Until)
	switch g.Kind {
	case office.GreetingDefault:
		g.BlobID, g.Until = "", nil
	case office.GreetingOwn:
		g.Until = nil
	}
}

// greet makes now a greeting that can take the place of was: a sound that was
// uploaded becomes one that callers can hear, with a blob of its own.
// office.ErrGreeting: it cannot, or its time is over already.
func (s *Server) greet(ctx context.Context, account office.ID, was office.Greeting, now *office.Greeting) error {
	if reflect.DeepEqual(was, *now) {
		return nil
	}
	if now.Until != nil && !now.Until.After(time.Now()) {
		return office.ErrGreeting
	}
	if now.BlobID == "" { // the sound that it has of that kind
		return nil
	}
	kept, err := s.cfg.Store.Greetings(ctx, account)
	if err != nil {
		return err
	}
	for _, g := range kept {
		if g.BlobID == now.BlobID {
			return nil
		}
	}
	now.BlobID, err = s.convert(ctx, account, now.BlobID)
	return err
}

// maxConverting is how many uploads are made greetings at the same time, one of
// each account.
const maxConverting = 4

// convert returns the blob of the greeting that is made from an upload.
// office.ErrGreeting: there is no such blob, or it is no greeting.
func (s *Server) convert(ctx context.Context, account, upload office.ID) (office.ID, error) {
	if s.cfg.Greetings == nil {
		return "", office.ErrUnavailable
	}
	if !s.converting.enter(string(account), 1, maxConverting) {
		return "", office.ErrTooMany
	}
	defer s.converting.leave(string(account))
	file, blob, err := s.cfg.Store.OpenBlob(ctx, account, upload)
	if errors.Is(err, office.ErrNotFound) {
		return "", office.ErrGreeting
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	if blob.Size > office.MaxGreetingBytes {
		return "", office.ErrGreeting
	}
	sound, mediaType, err := s.cfg.Greetings.Convert(ctx, file)
	if err != nil {
		return "", err
	}
	made, err := s.cfg.Store.AddUpload(ctx, account, mediaType, bytes.NewReader(sound), int64(len(sound)))
	return made.ID, err
}
