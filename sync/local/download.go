package local

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Download is a blob on its way into the cache. Write what the server has from
// Offset on, then Commit; Close in any case. Whole chunks of what was written are
// kept for another try. Several processes may download the same blob: they write
// the same octets to the same places. It is not safe for concurrent use.
type Download struct {
	m      *Mirror
	blob   office.ID
	size   int64
	file   *os.File
	sealer cipher.AEAD
	sum    hash.Hash
	index  int64 // of the chunk that comes next
	plain  []byte
}

// Download begins or continues to fetch a blob of size octets. ErrLocked where
// there is no cache key.
func (m *Mirror) Download(ctx context.Context, blob office.ID, size int64) (*Download, error) {
	path, err := m.blobPath(blob, partSuffix)
	if err != nil {
		return nil, err
	}
	key, err := m.cacheKey()
	if err != nil {
		return nil, err
	}
	salt, err := m.salt(ctx, blob, size)
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(key, salt, string(blob))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("downloading: %w", err)
	}
	d := &Download{m: m, blob: blob, size: size, file: f, sealer: sealer, sum: sha256.New()}
	if _, err := f.WriteAt([]byte(magic+string(salt)), 0); err != nil {
		return nil, errors.Join(d.fail(err), d.Close())
	}
	if err := d.resume(key); err != nil {
		return nil, errors.Join(fmt.Errorf("downloading: %w", err), f.Close())
	}
	return d, nil
}

// salt returns that of the file of a blob, on which all processes agree.
func (m *Mirror) salt(ctx context.Context, blob office.ID, size int64) (salt []byte, err error) {
	err = m.write(ctx, func(tx *sqldb.Tx) error {
		salt = nil
		err := tx.QueryRow(`SELECT salt FROM blob WHERE id = $1 AND size = $2 AND NOT complete`, blob, size).Scan(&salt)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		salt = newSalt()
		_, err = tx.Exec(`INSERT INTO blob (id, size, salt, complete) VALUES ($1, $2, $3, false)
			ON CONFLICT (id) DO UPDATE SET size = excluded.size, salt = excluded.salt, complete = false`, blob, size, salt)
		return err
	})
	return salt, err
}

// resume reads the whole chunks that are there; behind the first bad one all is
// to be fetched again.
func (d *Download) resume(key []byte) error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	have := (info.Size() - int64(header)) / (chunkSize + tagSize)
	raw := make([]byte, chunkSize+tagSize)
	for d.index < min(have, chunks(d.size)-1) { // the last one tells that it is complete: that is for Commit
		if _, err := d.file.ReadAt(raw, place(d.index)); err != nil {
			return err
		}
		plain, err := d.sealer.Open(raw[:0:0], nonce(d.index, false), raw, nil)
		if err != nil {
			break
		}
		d.sum.Write(plain)
		d.index++
	}
	return nil
}

// Offset returns how many octets of the content are here.
func (d *Download) Offset() int64 { return d.index*chunkSize + int64(len(d.plain)) }

// Restart begins again from the first octet: the server sends the whole content.
func (d *Download) Restart() {
	d.index, d.plain = 0, d.plain[:0]
	d.sum.Reset()
}

// Write seals what follows at Offset. ErrDamaged where that is more than was
// announced.
func (d *Download) Write(p []byte) (n int, err error) {
	if d.Offset()+int64(len(p)) > d.size {
		return 0, ErrDamaged
	}
	for len(p) > 0 {
		if d.plain == nil {
			d.plain = make([]byte, 0, chunkSize)
		}
		if len(d.plain) == chunkSize { // it is not the last one
			if err := d.flush(false); err != nil {
				return n, err
			}
		}
		room := min(chunkSize-len(d.plain), len(p))
		d.plain = append(d.plain, p[:room]...)
		p, n = p[room:], n+room
	}
	return n, nil
}

// flush writes the chunk that is in plain.
func (d *Download) flush(last bool) error {
	if _, err := d.file.WriteAt(d.sealer.Seal(nil, nonce(d.index, last), d.plain, nil), place(d.index)); err != nil {
		return d.fail(err)
	}
	d.sum.Write(d.plain)
	d.index, d.plain = d.index+1, d.plain[:0]
	return nil
}

// Commit takes the complete download into the cache. sum is the SHA-256 of the
// content as the server says, nil where it does not. ErrDamaged where it is not
// that, or not as long as was announced: what was written is forgotten.
func (d *Download) Commit(ctx context.Context, sum []byte) error {
	if d.Offset() != d.size {
		return ErrDamaged
	}
	if err := d.flush(true); err != nil {
		return err
	}
	if sum != nil && subtle.ConstantTimeCompare(d.sum.Sum(nil), sum) == 0 {
		return errors.Join(ErrDamaged, d.Close(), d.m.DropBlob(ctx, d.blob))
	}
	err := errors.Join(d.file.Truncate(place(d.index-1)+d.size-(d.index-1)*chunkSize+tagSize), d.file.Sync(), d.file.Close())
	if err != nil {
		return d.fail(err)
	}
	return d.take(ctx)
}

// fail returns what an error of the file means. Where it filled the disk, what was
// written is given back: others need room more.
func (d *Download) fail(err error) error {
	if isFull(err) {
		err = errors.Join(err, d.Close()) // some systems remove no open file
		if part, no := d.m.blobPath(d.blob, partSuffix); no == nil {
			os.Remove(part) // where that fails, the next try goes on with it
		}
	}
	return fmt.Errorf("downloading: %w", err)
}

// take makes the part the blob. Another process may have done so just before.
func (d *Download) take(ctx context.Context) error {
	part, err := d.m.blobPath(d.blob, partSuffix)
	if err != nil {
		return err
	}
	path, err := d.m.blobPath(d.blob, blobSuffix)
	if err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil && (!errors.Is(err, fs.ErrNotExist) || sealedSize(path) != d.size) {
		return fmt.Errorf("downloading: %w", err)
	}
	return d.m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE blob SET complete = true WHERE id = $1 AND size = $2`, d.blob, d.size)
		return err
	}, blobStamps...)
}

// Close gives back what Download took. It may be called after Commit. What was
// received and fills no whole chunk is lost.
func (d *Download) Close() error {
	if err := d.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("downloading: %w", err)
	}
	return nil
}

var _ io.WriteCloser = (*Download)(nil)
