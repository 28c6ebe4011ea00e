package office

import "strings"

// Limits of the PIN of a mailbox, in digits.
const (
	MinPIN = 4
	MaxPIN = 8
)

// CheckPIN returns ErrPIN unless the user of the extension ext may choose pin for
// the mailbox: 4 to 8 digits that are neither all the same nor one after the
// other, up or down, nor a repetition of two, nor the extension, with or without
// zeros in front.
func CheckPIN(pin string, ext Number) error {
	switch {
	case len(pin) < MinPIN, len(pin) > MaxPIN, strings.Trim(pin, "0123456789") != "":
	case runs(pin, 0), runs(pin, 1), runs(pin, -1):
	case strings.HasPrefix(pin[2:]+pin[:2], pin) && len(pin)%2 == 0: // 1212, 121212
	case strings.TrimLeft(pin, "0") == strings.TrimLeft(string(ext), "0"):
	default:
		return nil
	}
	return ErrPIN
}

// runs reports whether each digit is the one before plus step; 0 follows 9.
func runs(pin string, step int) bool {
	for i := 1; i < len(pin); i++ {
		if (int(pin[i])-int(pin[i-1])-step+10)%10 != 0 {
			return false
		}
	}
	return true
}
