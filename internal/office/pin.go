package office

import "strings"

// Limits of the PIN for hearing messages by phone, in digits.
const (
	MinPIN = 4
	MaxPIN = 8
)

// columns are what a finger draws on the keypad.
var columns = [...]string{"2580", "0852", "147258", "741852", "159753", "147369", "258369"}

// CheckPIN returns ErrPIN unless the user of extension ext may choose pin: 4 to 8
// digits, and none of those that are guessed first. These are steady runs such as
// 1111, 1234, 8765 and 2468, repetitions such as 1212 and 123123, the number of
// the extension, years, and the columns of the keypad.
func CheckPIN(pin string, ext Number) error {
	switch {
	case len(pin) < MinPIN || len(pin) > MaxPIN || strings.Trim(pin, "0123456789") != "",
		isRun(pin),
		isRepetition(pin),
		strings.Trim(pin, "0") == strings.Trim(string(ext), "0"), // 0101 of 101, and 1010
		len(pin) == 4 && (pin[:2] == "19" || pin[:2] == "20"):
		return ErrPIN
	}
	for _, c := range columns {
		if pin == c {
			return ErrPIN
		}
	}
	return nil
}

// isRun reports whether each digit is as far from the one before as the second
// is from the first, counting on from 9 to 0.
func isRun(pin string) bool {
	step := func(i int) byte { return (pin[i] - pin[i-1] + 10) % 10 }
	for i := 2; i < len(pin); i++ {
		if step(i) != step(1) {
			return false
		}
	}
	return true
}

// isRepetition reports whether pin is one shorter thing over and over.
func isRepetition(pin string) bool {
	for n := 1; n <= len(pin)/2; n++ {
		if len(pin)%n == 0 && strings.Repeat(pin[:n], len(pin)/n) == pin {
			return true
		}
	}
	return false
}
