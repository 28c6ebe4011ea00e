package local

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A sealed file is a header, the magic and a random salt, and then the content in
// chunks, each sealed with AES-256-GCM under a key of the file's own (HKDF, RFC
// 5869, from the cache key, the salt and the file's name). The nonce of a chunk
// is its index and whether it is the last (the STREAM construction of Hoang,
// Reyhanitabar, Rogaway and Vizár): chunks can be neither swapped nor cut off,
// and each can be read alone.
const (
	magic     = "timbre1\n"
	saltSize  = 16
	header    = len(magic) + saltSize
	chunkSize = 64 << 10
	tagSize   = 16
)

// KeySize is the size of a cache key in octets.
const KeySize = 32

// ErrLocked says that sealed files cannot be read or written, for want of the
// cache key. See Mirror.Unlock.
var ErrLocked = errors.New("there is no cache key")

// ErrDamaged says that a file is not what it was, or was sealed with another key.
var ErrDamaged = errors.New("the file is damaged")

// cacheKey returns the key, or ErrLocked.
func (m *Mirror) cacheKey() ([]byte, error) {
	if key := m.key.Load(); key != nil {
		return *key, nil
	}
	return nil, ErrLocked
}

func newSalt() []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails since Go 1.24
	return salt
}

// newSealer returns what seals the chunks of the file name.
func newSealer(key, salt []byte, name string) (cipher.AEAD, error) {
	own, err := hkdf.Key(sha256.New, key, salt, "timbre sealed file "+name, KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce returns that of the chunk index.
func nonce(index int64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:], uint64(index))
	if last {
		n[11] = 1
	}
	return n
}

// chunks returns how many chunks hold size octets; an empty file has one.
func chunks(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }

// place returns where in its file the chunk index begins.
func place(index int64) int64 { return int64(header) + index*(chunkSize+tagSize) }

// seal writes plain as a whole sealed file.
func seal(w io.Writer, key []byte, name string, plain []byte) error {
	salt := newSalt()
	sealer, err := newSealer(key, salt, name)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, magic+string(salt)); err != nil {
		return err
	}
	last := chunks(int64(len(plain))) - 1
	for i := range last + 1 {
		chunk := plain[i*chunkSize : min((i+1)*chunkSize, int64(len(plain)))]
		if _, err := w.Write(sealer.Seal(nil, nonce(i, i == last), chunk, nil)); err != nil {
			return err
		}
	}
	return nil
}

// plainSize returns the size of the content of a sealed file of size octets, -1
// where no sealed file has that size.
func plainSize(size int64) int64 {
	size -= int64(header)
	if size < tagSize {
		return -1
	}
	n := (size + chunkSize + tagSize - 1) / (chunkSize + tagSize)
	if size-(n-1)*(chunkSize+tagSize) < tagSize {
		return -1
	}
	return size - n*tagSize
}

// sealedSize returns the size of the content of a sealed file, 0 where there is
// none.
func sealedSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return max(0, plainSize(info.Size()))
}

// A sealedReader reads the content of a sealed file. It is not safe for
// concurrent use.
type sealedReader struct {
	file   *os.File
	sealer cipher.AEAD
	size   int64
	at     int64  // where the next Read begins
	index  int64  // of the chunk in plain; -1: none
	plain  []byte // a chunk
	raw    []byte
}

// openSealed opens the sealed file name at path. ErrDamaged where its end is not
// that of the file as it was sealed with key.
func openSealed(path string, key []byte, name string) (*sealedReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a sealed file: %w", err)
	}
	r, err := newSealedReader(f, key, name)
	if err == nil {
		err = r.load(chunks(r.size) - 1) // what was cut off cannot be seen elsewhere
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// newSealedReader reads the header of a sealed file.
func newSealedReader(f *os.File, key []byte, name string) (*sealedReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := plainSize(info.Size())
	head := make([]byte, header)
	if _, err := f.ReadAt(head, 0); size < 0 || errors.Is(err, io.EOF) || !bytes.HasPrefix(head, []byte(magic)) {
		return nil, ErrDamaged
	} else if err != nil {
		return nil, err
	}
	sealer, err := newSealer(key, head[len(magic):], name)
	if err != nil {
		return nil, err
	}
	return &sealedReader{file: f, sealer: sealer, size: size, index: -1}, nil
}

// load opens the chunk index into plain.
func (r *sealedReader) load(index int64) error {
	if index == r.index {
		return nil
	}
	last := index == chunks(r.size)-1
	length := int64(chunkSize)
	if last {
		length = r.size - index*chunkSize
	}
	if r.raw == nil {
		r.raw = make([]byte, chunkSize+tagSize)
	}
	raw := r.raw[:length+tagSize]
	if _, err := r.file.ReadAt(raw, place(index)); errors.Is(err, io.EOF) {
		return ErrDamaged
	} else if err != nil {
		return err
	}
	r.index = -1
	plain, err := r.sealer.Open(r.plain[:0], nonce(index, last), raw, nil)
	if err != nil {
		return ErrDamaged
	}
	r.plain, r.index = plain, index
	return nil
}

func (r *sealedReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	index := r.at / chunkSize
	if err := r.load(index); err != nil {
		return 0, err
	}
	n := copy(p, r.plain[r.at-index*chunkSize:])
	r.at += int64(n)
	return n, nil
}

func (r *sealedReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, errors.New("seeking before the beginning of a file")
	}
	r.at = offset
	return offset, nil
}

func (r *sealedReader) Close() error { return r.file.Close() }
