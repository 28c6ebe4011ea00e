package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"timbre/internal/office"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

const (
	blobBatch = 50               // blobs looked at together
	maxBlob   = 64 << 20         // octets of one
	stallTime = 30 * time.Second // a download that brings nothing for so long is given up
	maxFailed = 20               // downloads in a row that the server could not serve: then it is not the blobs
)

// errDamaged is a download that is not what was announced.
var errDamaged = fmt.Errorf("%w: the download is damaged", office.ErrUnavailable)

// A fetch is a download under way, for which others may wait.
type fetch struct{ done chan struct{} }

// Audio returns the message's MP3, from the cache or fetched into it first. It is
// to be closed. office.ErrNotFound where there is no such message; ErrOffline
// where its sound is not cached and the server cannot be reached.
func (e *Engine) Audio(ctx context.Context, id office.ID) (io.ReadSeekCloser, error) {
	l, err := e.current()
	if err != nil {
		return nil, err
	}
	v, err := l.mirror.Voicemail(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.open(ctx, l, local.Missing{Blob: v.BlobID, Size: v.Size, Type: v.Type, Name: string(v.ID) + ".mp3"})
}

// Download copies the message's MP3 to the file dst, which is replaced as a
// whole. Errors as Audio, and those of the file system.
func (e *Engine) Download(ctx context.Context, id office.ID, dst string) error {
	sound, err := e.Audio(ctx, id)
	if err != nil {
		return err
	}
	return save(sound, dst)
}

// save copies what a blob holds to the file dst and closes it.
func save(blob io.ReadCloser, dst string) error {
	defer blob.Close()
	out, err := os.CreateTemp(filepath.Dir(dst), ".timbre-*"+filepath.Ext(dst))
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer os.Remove(out.Name()) // fails once it is renamed
	_, err = io.Copy(out, blob)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), dst)
	}
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	return nil
}

// open returns a blob, fetching it first where it is not cached.
func (e *Engine) open(ctx context.Context, l *login, b local.Missing) (io.ReadSeekCloser, error) {
	mirror, err := l.vault(ctx)
	if err != nil {
		return nil, err
	}
	content, err := mirror.Blob(ctx, b.Blob)
	if errors.Is(err, office.ErrNotFound) {
		if err = e.fetch(ctx, l, b); err == nil {
			content, err = mirror.Blob(ctx, b.Blob)
		}
	}
	if err != nil {
		return nil, err
	}
	return &cached{content, mirror, b.Blob}, nil
}

// A cached blob that proves to be damaged is forgotten, so that the next one who
// wants it fetches it again.
type cached struct {
	io.ReadSeekCloser
	mirror *local.Mirror
	blob   office.ID
}

func (c *cached) Read(p []byte) (int, error) {
	n, err := c.ReadSeekCloser.Read(p)
	if errors.Is(err, local.ErrDamaged) {
		err = errors.Join(err, c.mirror.DropBlob(context.Background(), c.blob))
	}
	return n, err
}

// fetch brings a blob into the cache. Callers that come while that goes on wait
// for it.
func (e *Engine) fetch(ctx context.Context, l *login, b local.Missing) error {
	if e.offline {
		return office.ErrOffline
	}
	e.mu.Lock()
	other := e.fetches[b.Blob]
	if other == nil {
		e.fetches[b.Blob] = &fetch{make(chan struct{})}
	}
	e.mu.Unlock()
	if other != nil {
		select {
		case <-other.done: // perhaps in vain
		case <-ctx.Done():
			return ctx.Err()
		}
		if has, err := l.mirror.HasBlob(ctx, b.Blob); err != nil || has {
			return err
		}
		return e.fetch(ctx, l, b)
	}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		close(e.fetches[b.Blob].done)
		delete(e.fetches, b.Blob)
	}()
	if has, err := l.mirror.HasBlob(ctx, b.Blob); err != nil || has { // somebody was quicker
		return err
	}
	if err := e.download(ctx, l, b); err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	e.tell(ctx, l)
	return nil
}

// download brings a blob into the cache from where an earlier try ended.
func (e *Engine) download(ctx context.Context, l *login, b local.Missing) error {
	c, err := l.door()
	if err != nil {
		return err
	}
	mirror, err := l.vault(ctx)
	if err != nil {
		return err
	}
	session := l.jmapSession()
	target, err := jmap.Expand(session.DownloadURL, map[string]string{
		"accountId": string(l.account.ID), "blobId": string(b.Blob), "name": b.Name, "type": b.Type,
	})
	if err != nil {
		return err
	}
	if b.Size == 0 {
		if b.Size, err = c.sizeOf(ctx, target); err != nil {
			return err
		}
	}
	if b.Size <= 0 || b.Size > maxBlob {
		return errDamaged
	}
	d, err := mirror.Download(ctx, b.Blob, b.Size)
	if err != nil {
		return err
	}
	defer d.Close()
	sum, err := resume(ctx, c, target, b, d)
	if err == nil {
		err = d.Commit(ctx, sum)
	}
	if errors.Is(err, local.ErrDamaged) {
		return errors.Join(errDamaged, mirror.DropBlob(ctx, b.Blob))
	}
	return err // what has come stays for the next try
}

// sizeOf returns how many octets are behind a URL.
func (c *client) sizeOf(ctx context.Context, target string) (int64, error) {
	within, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	res, err := c.send(within, http.MethodHead, target, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return res.ContentLength, nil
}

// resume writes what the server has of b behind what d has, and returns the
// SHA-256 of the whole as the server says, nil where it does not.
func resume(ctx context.Context, c *client, target string, b local.Missing, d *local.Download) ([]byte, error) {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	var headers []string
	have := d.Offset()
	if have > 0 { // the content of a blob never changes
		headers = []string{"Range", fmt.Sprintf("bytes=%d-", have), "If-Range", strconv.Quote(string(b.Blob))}
	}
	res, err := c.send(within, http.MethodGet, target, nil, headers...)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode != http.StatusPartialContent:
		d.Restart()
	case !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
		return nil, local.ErrDamaged // another part than was asked for
	}
	body := newStallReader(res.Body, stallTime, cancel)
	defer body.stop()
	if _, err := io.Copy(d, body); err != nil {
		if body.err != nil { // else it is not the network's doing, but a full disk's
			err = unreachable(ctx, body.err)
		}
		return nil, err
	}
	return digest(res.Header), nil
}

// digest returns the SHA-256 that the headers of an answer tell of the whole
// content (RFC 9530 §3), nil where they do not.
func digest(h http.Header) []byte {
	for _, one := range strings.Split(h.Get("Repr-Digest"), ",") {
		text, ours := strings.CutPrefix(strings.TrimSpace(one), "sha-256=:")
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":")); ours && err == nil {
			return sum
		}
	}
	return nil
}

// FetchBlobs caches all sounds and pages for which there is room, the new ones
// first, and makes room where there is too much.
func (e *Engine) FetchBlobs(ctx context.Context) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	tried := map[office.ID]bool{}
	failed := 0 // in a row
	for again := true; again; {
		again = false
		missing, err := l.mirror.MissingBlobs(ctx, blobBatch+len(tried))
		if err != nil {
			return err
		}
		for _, b := range missing {
			if tried[b.Blob] {
				continue
			}
			tried[b.Blob], again = true, true
			err := e.fetch(ctx, l, b)
			switch {
			case err == nil:
				failed = 0
				continue
			case isOfBlob(err):
			case errors.Is(err, office.ErrUnavailable) && !isDelayed(err) && failed < maxFailed:
				failed++
			default:
				return err
			}
			e.log.Warn("blob not cached", "id", b.Name, "err", err) // the next one may do better
		}
	}
	return l.mirror.TrimBlobs(ctx)
}

// isOfBlob reports whether a download failed for what the blob itself is.
func isOfBlob(err error) bool {
	for _, known := range []error{office.ErrNotFound, errDamaged, fs.ErrInvalid, syscall.ENAMETOOLONG} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// downloadLoop caches sounds and pages in the background.
func (e *Engine) downloadLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.tasks.blobs:
		}
		if err := e.FetchBlobs(ctx); err != nil && ctx.Err() == nil {
			e.log.Debug("blobs not cached", "err", err) // the next sync tries again
		}
	}
}
