package office

import "testing"

func TestCheckPIN(t *testing.T) {
	for _, c := range []struct {
		pin, ext string
		ok       bool
	}{
		{"4711", "101", true},
		{"0042", "101", true},
		{"80146", "101", true},
		{"1221", "101", true},
		{"1855", "101", true}, // nobody's year
		{"13579246", "101", true},
		{"1011", "101", true},
		{"1213", "101", true},
		{"12121", "101", true},
		{"", "101", false},
		{"123", "101", false},
		{"123456789", "101", false},
		{"12a4", "101", false},
		{"١٢٣٤", "101", false}, // digits, but not of a keypad
		{"0000", "101", false},
		{"11111111", "101", false},
		{"1234", "101", false},
		{"7890", "101", false},
		{"89012", "101", false},
		{"4321", "101", false},
		{"3210987", "101", false},
		{"1212", "101", false},
		{"909090", "101", false},
		{"123123", "101", false}, // three of them over and over
		{"47114711", "101", false},
		{"101101", "101", false},
		{"2468", "101", false}, // in steps of two
		{"9630", "101", false},
		{"1984", "101", false}, // years, as birthdays are
		{"2010", "101", false},
		{"2580", "101", false}, // drawn on the keypad
		{"159753", "101", false},
		{"4711#", "101", false},
		{"8004", "8004", false},
		{"1010", "101", false},
		{"0101", "101", false},
		{"000101", "0101", false},
	} {
		if got := CheckPIN(c.pin, Number(c.ext)); (got == nil) != c.ok || got != nil && got != ErrPIN {
			t.Errorf("CheckPIN(%q, %s) = %v", c.pin, c.ext, got)
		}
	}
}
