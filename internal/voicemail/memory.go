package voicemail

import (
	"errors"
	"io"
)

// A memory is a medium that keeps what is written. The zero value is empty.
type memory struct {
	data []byte
	at   int
}

func (m *memory) Write(p []byte) (int, error) {
	over := copy(m.data[m.at:], p)
	m.data = append(m.data, p[over:]...)
	m.at += len(p)
	return len(p), nil
}

// Seek goes to a place within what was written.
func (m *memory) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(m.at)
	case io.SeekEnd:
		offset += int64(len(m.data))
	}
	if offset < 0 || offset > int64(len(m.data)) {
		return 0, errors.New("seeking outside of what was written")
	}
	m.at = int(offset)
	return offset, nil
}

func (m *memory) Sync() error  { return nil }
func (m *memory) Close() error { return nil }
