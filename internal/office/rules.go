package office

import (
	"net/mail"
	"strings"
	"time"
)

// Limits of passwords, in bytes. The upper one bounds the work of hashing.
const (
	MinPassword = 8
	MaxPassword = 128
)

// CheckPassword returns ErrPassword unless a user may choose p.
func CheckPassword(p string) error {
	if len(p) < MinPassword || len(p) > MaxPassword || strings.TrimSpace(p) == "" {
		return ErrPassword
	}
	return nil
}

// Limits of the time an extension rings before its voicemail answers.
const (
	MinRingTime = 5 * time.Second
	MaxRingTime = 60 * time.Second
)

// CheckRingTime returns ErrRingTime unless d is 5 to 60 s.
func CheckRingTime(d time.Duration) error {
	if d < MinRingTime || d > MaxRingTime {
		return ErrRingTime
	}
	return nil
}

// CheckEmail returns ErrEmail unless s is empty or one plain address.
func CheckEmail(s string) error {
	if s == "" {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return ErrEmail
	}
	return nil
}

// CheckName returns ErrName unless s is a name that CleanName leaves as it is
// and that is not empty.
func CheckName(s string) error {
	if s == "" || CleanName(s) != s {
		return ErrName
	}
	return nil
}

// CheckRegion returns ErrRegion unless r is two upper-case letters.
func CheckRegion(r Region) error {
	if len(r) != 2 || strings.Trim(string(r), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ErrRegion
	}
	return nil
}

// CheckLanguage returns ErrLanguage unless l is one that Timbre speaks.
func CheckLanguage(l Language) error {
	if l != Spanish && l != English {
		return ErrLanguage
	}
	return nil
}
