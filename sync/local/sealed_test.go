package local

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// sizes of contents around the borders of chunks.
var sizes = []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 7}

func noise(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// sealedFile seals plain into a file.
func sealedFile(t *testing.T, key []byte, name string, plain []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := seal(&b, key, name, plain); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// contents opens and reads a sealed file.
func contents(path string, key []byte, name string) ([]byte, error) {
	r, err := openSealed(path, key, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestSealedFilesAreReadAndSought(t *testing.T) {
	key := noise(KeySize)
	for _, size := range sizes {
		plain := noise(size)
		path := sealedFile(t, key, "f", plain)
		if got := sealedSize(path); got != int64(size) {
			t.Errorf("%d octets: size %d", size, got)
		}
		raw, err := os.ReadFile(path)
		if err != nil || size >= 16 && bytes.Contains(raw, plain[:16]) {
			t.Errorf("%d octets: not sealed, %v", size, err)
		}
		r, err := openSealed(path, key, "f")
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, plain); err != nil {
			t.Errorf("%d octets: %v", size, err)
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			t.Errorf("%d octets: sought before the beginning", size)
		}
		if _, err := r.Seek(1<<40, io.SeekStart); err != nil {
			t.Errorf("%d octets: %v", size, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%d octets, behind the end: %d, %v", size, n, err)
		}
		r.Close()
	}
}

func TestSealedFilesCannotBeChanged(t *testing.T) {
	key, other := noise(KeySize), noise(KeySize)
	plain := noise(2*chunkSize + 100)
	whole := header + len(plain) + 3*tagSize
	for name, change := range map[string]func([]byte) []byte{
		"a bit":                      func(b []byte) []byte { b[header+5] ^= 1; return b },
		"the salt":                   func(b []byte) []byte { b[len(magic)] ^= 1; return b },
		"the magic":                  func(b []byte) []byte { b[0] ^= 1; return b },
		"an octet less":              func(b []byte) []byte { return b[:whole-1] },
		"the last chunk cut off":     func(b []byte) []byte { return b[:place(2)] },
		"all but the header cut off": func(b []byte) []byte { return b[:header] },
		"half a header":              func(b []byte) []byte { return b[:5] },
		"more behind the end":        func(b []byte) []byte { return append(b, 0) },
		"two chunks swapped": func(b []byte) []byte {
			return bytes.Join([][]byte{b[:place(0)], b[place(1):place(2)], b[place(0):place(1)], b[place(2):]}, nil)
		},
	} {
		path := sealedFile(t, key, "f", plain)
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := contents(path, key, "f"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := sealedFile(t, key, "f", plain)
	if _, err := contents(path, other, "f"); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
	if _, err := contents(path, key, "g"); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another name: %v", err)
	}
}

func FuzzSealedFile(f *testing.F) {
	key := make([]byte, KeySize)
	for _, size := range []int{0, 1, 40} {
		var b bytes.Buffer
		if err := seal(&b, key, "f", make([]byte, size)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := contents(path, key, "f"); err != nil && !errors.Is(err, ErrDamaged) || len(got) > len(b) {
			t.Errorf("%d octets, %v", len(got), err)
		}
	})
}
