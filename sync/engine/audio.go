package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

const (
	audioLimit = 512 << 20        // octets of cached sound; messages not yet heard come on top
	audioBatch = 50               // messages looked at together
	maxAudio   = 64 << 20         // octets of one message
	stallTime  = 30 * time.Second // a download that brings nothing for so long is given up
)

// A fetch is a download under way, for which others may wait.
type fetch struct{ done chan struct{} }

// Audio returns the path of the message's MP3 file in the cache, fetching it
// first where it is not there. The file must only be read.
// office.ErrNotFound where there is no such message; ErrOffline where its sound
// is not cached and the server cannot be reached.
func (e *Engine) Audio(ctx context.Context, id office.ID) (string, error) {
	l, err := e.current()
	if err != nil {
		return "", err
	}
	v, err := l.mirror.Voicemail(ctx, id)
	if err != nil {
		return "", err
	}
	return e.audioOf(ctx, l, v)
}

// audioOf returns the cached sound of v. Callers that come while it is fetched
// wait for that.
func (e *Engine) audioOf(ctx context.Context, l *login, v local.Voicemail) (string, error) {
	for {
		path, err := l.mirror.Audio(ctx, v.BlobID)
		if !errors.Is(err, office.ErrNotFound) {
			return path, err
		}
		e.mu.Lock()
		other := e.audio[v.BlobID]
		if other == nil {
			e.audio[v.BlobID] = &fetch{make(chan struct{})}
		}
		e.mu.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		close(e.audio[v.BlobID].done)
		delete(e.audio, v.BlobID)
	}()
	if e.offline {
		return "", office.ErrOffline
	}
	c, err := l.door()
	if err != nil {
		return "", err
	}
	if err := e.download(ctx, l, c, v); err != nil {
		return "", fmt.Errorf("fetching audio: %w", err)
	}
	e.tell(ctx, l)
	return l.mirror.Audio(ctx, v.BlobID)
}

// errDamaged is a download that is not what was announced.
var errDamaged = fmt.Errorf("%w: the sound is damaged", office.ErrUnavailable)

// download fetches the sound of v into the cache, from where an earlier try
// ended. The content of a blob never changes, so that two processes may write
// the same file: they write the same octets to the same places.
func (e *Engine) download(ctx context.Context, l *login, c *client, v local.Voicemail) error {
	if v.Size <= 0 || v.Size > maxAudio {
		return errDamaged
	}
	part, err := l.mirror.PartPath(v.BlobID)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	have, err := f.Seek(0, io.SeekEnd)
	if err == nil && have < v.Size {
		have, err = e.resume(ctx, l, c, v, f, have)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil && have != v.Size {
		return errors.Join(errDamaged, os.Remove(part))
	}
	if err != nil {
		return err // what has come stays for the next try
	}
	return l.mirror.AddAudio(ctx, v.BlobID, v.Size)
}

// resume writes what the server has of v behind the first have octets of f, and
// returns how long the sound is then.
func (e *Engine) resume(ctx context.Context, l *login, c *client, v local.Voicemail, f *os.File, have int64) (int64, error) {
	session := l.jmapSession()
	target, err := jmap.Expand(session.DownloadURL, map[string]string{
		"accountId": string(l.account.ID), "blobId": string(v.BlobID), "name": string(v.ID) + ".mp3", "type": v.Type,
	})
	if err != nil {
		return have, err
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	headers := []string{}
	if have > 0 {
		headers = append(headers, "Range", fmt.Sprintf("bytes=%d-", have), "If-Range", strconv.Quote(string(v.BlobID)))
	}
	res, err := c.send(within, http.MethodGet, target, nil, headers...)
	if err != nil {
		return have, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusPartialContent || !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
		if res.StatusCode == http.StatusPartialContent {
			return 0, nil // another part than was asked for: begin again the next time
		}
		have = 0
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return have, err
	}
	body := newStallReader(res.Body, stallTime, cancel)
	defer body.stop()
	n, err := io.Copy(f, io.LimitReader(body, v.Size-have+1))
	var here *fs.PathError
	if err != nil && !errors.As(err, &here) { // a full disk here is not the network's doing
		err = unreachable(ctx, err)
	}
	return have + n, err
}

// Download copies the message's MP3 to the file dst, which is replaced as a
// whole. Errors as Audio, and those of the file system.
func (e *Engine) Download(ctx context.Context, id office.ID, dst string) error {
	path, err := e.Audio(ctx, id)
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(dst), ".timbre-*.mp3")
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer os.Remove(out.Name()) // fails once it is renamed
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), dst)
	}
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	return nil
}

// FetchAudio caches the sound of all messages, newest first, as far as there is
// room, and makes room where there is too much.
func (e *Engine) FetchAudio(ctx context.Context) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	tried := map[office.ID]bool{}
	for again := true; again; {
		again = false
		missing, cached, err := l.mirror.MissingAudio(ctx, audioBatch)
		if err != nil {
			return err
		}
		for _, v := range missing {
			if tried[v.BlobID] || !v.IsNew && cached+v.Size > audioLimit {
				continue
			}
			tried[v.BlobID] = true
			switch _, err := e.audioOf(ctx, l, v); {
			case err == nil:
				cached += v.Size
				again = true
			case errors.Is(err, office.ErrNotFound), errors.Is(err, errDamaged):
				e.log.Warn("sound not cached", "id", v.ID, "err", err) // the next one may do better
			default:
				return err
			}
		}
	}
	return l.mirror.TrimAudio(ctx, audioLimit)
}

// audioLoop caches the sound of messages in the background.
func (e *Engine) audioLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.tasks.audio:
		}
		if err := e.FetchAudio(ctx); err != nil && ctx.Err() == nil {
			e.log.Debug("sound not cached", "err", err) // the next sync tries again
		}
	}
}
