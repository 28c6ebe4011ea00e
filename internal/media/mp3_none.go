//go:build !lame

package media

// MP3Available tells whether this binary can encode MP3.
const MP3Available = false
