package office

import "testing"

func TestNumbersAsPeopleReadThem(t *testing.T) {
	for n, want := range map[Number]string{
		"+525512345678": "(+52) 55 1234 5678",
		"+527771234567": "(+52) 777 123 4567",
		"+12125550100":  "(+1) 212 555 0100",
		"+34911234567":  "(+34) 911 234 567",
		"+5062345678":   "(+506) 2345 678",
		"+50223456789":  "(+502) 2345 6789",
		"+88212345":     "(+882) 123 45",
		"+52":           "(+52)",
		"+5":            "(+5)",
		"+":             "(+)",
		"0101":          "0101", // an extension
		"*97":           "*97",
		"":              "",
	} {
		if got := n.Written(); got != want {
			t.Errorf("%s: %q, want %q", string(n), got, want)
		}
	}
}

func TestNumbersAsWrittenAtHome(t *testing.T) {
	for n, want := range map[Number]string{
		"+525512345678": "55 1234 5678",
		"+13055550100":  "(+1) 305 555 0100",
		"102":           "102",
		"":              "",
	} {
		if got := n.WrittenAt("+525555550100"); got != want {
			t.Errorf("%s: %q, want %q", string(n), got, want)
		}
		if got := n.WrittenAt(""); got != n.Written() {
			t.Errorf("%s without a home: %q", string(n), got)
		}
	}
}
