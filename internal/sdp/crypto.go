package sdp

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// The SRTP suites of RFC 4568 that we accept, the stronger tag first. Both take
// a key of KeyLen bytes: 16 of key and 14 of salt.
const (
	AES80  = "AES_CM_128_HMAC_SHA1_80"
	AES32  = "AES_CM_128_HMAC_SHA1_32"
	KeyLen = 30
)

// A Crypto is one a=crypto line: a suite and the key with which its writer
// encrypts.
type Crypto struct {
	Tag   int
	Suite string
	Key   string // KeyLen bytes, raw; it never goes into a log
}

// parseCrypto reads the value of an a=crypto line. It reports false for a suite,
// key method or session parameter that we do not speak: such a line is passed
// over (RFC 4568 §6.3), not an error.
func parseCrypto(v string) (Crypto, bool) {
	f := strings.Fields(v)
	if len(f) < 3 {
		return Crypto{}, false
	}
	tag, err := strconv.Atoi(f[0])
	if err != nil || tag < 0 || tag > 999999999 || f[1] != AES80 && f[1] != AES32 {
		return Crypto{}, false
	}
	for _, p := range f[3:] {
		// Only a window-size hint changes nothing on the wire.
		if !strings.HasPrefix(p, "WSH=") {
			return Crypto{}, false
		}
	}
	if strings.Contains(f[2], ";") { // several master keys need an MKI in each packet
		return Crypto{}, false
	}
	method, info, _ := strings.Cut(f[2], ":")
	key, rest, _ := strings.Cut(info, "|")
	if !strings.EqualFold(method, "inline") || strings.Contains(rest, ":") { // an MKI, again
		return Crypto{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(key)
	}
	if err != nil || len(raw) != KeyLen {
		return Crypto{}, false
	}
	return Crypto{Tag: tag, Suite: f[1], Key: string(raw)}, true
}

// String returns the value of the a=crypto line.
func (c Crypto) String() string {
	return strconv.Itoa(c.Tag) + " " + c.Suite + " inline:" + base64.StdEncoding.EncodeToString([]byte(c.Key))
}
