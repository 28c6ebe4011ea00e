package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/argon2"

	"timbre/internal/office"
)

// Parameters of argon2id (RFC 9106) for new hashes: about 50 ms of one core.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	saltSize     = 16
	keySize      = 32
)

// hashPassword returns p hashed, in the PHC string format.
func hashPassword(p string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails since Go 1.24
	return phc(salt, argon2.IDKey([]byte(p), salt, argonTime, argonMemory, argonThreads, keySize))
}

func phc(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// nobody is the hash that is checked where there is no extension, so that it
// takes as long as where there is one. No password has it.
var nobody = phc(make([]byte, saltSize), make([]byte, keySize))

// checkPassword reports whether hash is of p. A hash that cannot be read is of
// no password.
func checkPassword(hash, p string) bool {
	var version, memory, passes, threads int
	rest, ok := strings.CutPrefix(hash, "$argon2id$")
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 4 {
		return false
	}
	if _, err := fmt.Sscanf(parts[0], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[1], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil ||
		memory < 8 || memory > 1<<20 || passes < 1 || passes > 100 || threads < 1 || threads > 16 {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[2])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[3])
	if err1 != nil || err2 != nil || len(want) < 16 {
		return false
	}
	if len(p) > office.MaxPassword { // nobody may have chosen it: the work is bounded
		p = p[:office.MaxPassword+1]
	}
	got := argon2.IDKey([]byte(p), salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// letters are those that nobody confuses when reading them aloud or typing.
const letters = "abcdefghjkmnpqrstuvwxyz23456789"

// NewPassword returns a random one-time password that is easy to type, such as
// "k7mq-3vtx-p9wd" (59 bits).
func NewPassword() string {
	var b strings.Builder
	for i := range 12 {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // rand.Reader never fails since Go 1.24
		}
		b.WriteByte(letters[n.Int64()])
	}
	return b.String()
}
