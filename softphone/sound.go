package softphone

import (
	"context"

	"timbre/internal/media"
)

// Audio is where the voice of a call comes from and goes to: sound devices, a
// pair of WAV files, nothing. A System of softphone/audio is one.
type Audio interface {
	// Run carries s until ctx ends, when neither Source nor Sink will be called
	// again. A missing device is no error: s.Trouble is told. Opening a device may
	// take seconds, so Run is never waited for on the path of signalling.
	Run(ctx context.Context, s media.Stream) error
}
