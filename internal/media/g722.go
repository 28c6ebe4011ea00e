package media

import "github.com/gotranspile/g722"

// decodeG722 returns the sound of a G.722 stream at 64 kbit/s. Any bytes decode
// to something.
func decodeG722(data []byte) Sound {
	return Sound{Rate: 16000, Samples: g722.Decode(data, 64000, 0)}
}
