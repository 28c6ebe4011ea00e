//go:build !opus

package media

import "fmt"

// OpusAvailable tells whether this binary speaks opus.
const OpusAvailable = false

func newOpusDecoder(int) (Decoder, error) { return nil, fmt.Errorf("decoding opus: %w", ErrCodec) }
func newOpusEncoder(int) (Encoder, error) { return nil, fmt.Errorf("encoding opus: %w", ErrCodec) }
