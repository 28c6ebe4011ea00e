package rtp

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"timbre/internal/sdp"
)

// NewCrypto returns a fresh key for our direction.
func NewCrypto(tag int, suite string) sdp.Crypto {
	key := make([]byte, sdp.KeyLen)
	rand.Read(key)
	return sdp.Crypto{Tag: tag, Suite: suite, Key: string(key)}
}

// A cipher encrypts or decrypts one direction. It is not safe for concurrent use.
type cipher struct {
	crypto sdp.Crypto // whose key it works with
	ctx    *srtp.Context
	trial  *srtp.Context // tries the tags of unknown sources
	tried  int           // by trial
	header rtp.Header    // scratch
	ssrc   uint32
	ssrcs  int // that ctx knows
	out    []byte
}

// maxSSRCs bounds the memory of a decrypting cipher: a context keeps a state for
// every SSRC that it is given, before it looks at the tag.
const maxSSRCs = 64

func newCipher(c sdp.Crypto) (*cipher, error) {
	ctx, err := newContext(c)
	if err != nil {
		return nil, err
	}
	return &cipher{crypto: c, ctx: ctx, out: make([]byte, 0, maxDatagram)}, nil
}

func newContext(c sdp.Crypto) (*srtp.Context, error) {
	profile := srtp.ProtectionProfileAes128CmHmacSha1_80
	if c.Suite == sdp.AES32 {
		profile = srtp.ProtectionProfileAes128CmHmacSha1_32
	}
	if len(c.Key) != sdp.KeyLen {
		return nil, errors.New("SRTP key of the wrong length")
	}
	return srtp.CreateContext([]byte(c.Key[:16]), []byte(c.Key[16:]), profile, srtp.SRTPReplayProtection(256))
}

// encrypt returns packet as SRTP, in c's own memory.
func (c *cipher) encrypt(packet []byte) ([]byte, error) {
	out, err := c.ctx.EncryptRTP(c.out[:0], packet, &c.header)
	if err == nil {
		c.out = out
	}
	return out, err
}

// decrypt returns the RTP packet within packet, in c's own memory, or false where
// the tag is wrong or it came before. A panic of the library is a wrong tag.
func (c *cipher) decrypt(packet []byte) (out []byte, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if len(packet) < headerLen {
		return nil, false
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	if ssrc != c.ssrc || c.ssrcs == 0 {
		if _, known := c.ctx.ROC(ssrc); !known && !c.admit(packet) {
			return nil, false
		}
	}
	out, err := c.ctx.DecryptRTP(c.out[:0], packet, &c.header)
	if err != nil {
		return nil, false
	}
	c.ssrc, c.out = ssrc, out
	return out, true
}

// admit reports whether packet, of an SSRC that ctx does not know, has the right
// tag and may be given to ctx. The trial is made in a context of its own, which is
// thrown away before forged SSRCs fill it.
func (c *cipher) admit(packet []byte) bool {
	if c.ssrcs >= maxSSRCs {
		return false
	}
	if c.trial == nil || c.tried >= maxSSRCs {
		var err error
		if c.trial, err = newContext(c.crypto); err != nil {
			return false
		}
		c.tried = 0
	}
	c.tried++
	if _, err := c.trial.DecryptRTP(c.out[:0], packet, &c.header); err != nil {
		return false
	}
	c.ssrcs++
	return true
}
