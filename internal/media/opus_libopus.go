//go:build opus

package media

import "gopkg.in/hraban/opus.v2"

// OpusLibrary names what encodes and decodes Opus in this binary.
const OpusLibrary = "libopus"

func newOpusReader(rate int) (opusReader, error) { return opus.NewDecoder(rate, 1) }

func newOpusWriter(rate int) (opusWriter, error) {
	e, err := opus.NewEncoder(rate, 1, opus.AppVoIP)
	if err != nil {
		return nil, err
	}
	return e, setOpus(e)
}
