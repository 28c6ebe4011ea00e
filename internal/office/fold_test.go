package office

import "testing"

func TestFold(t *testing.T) {
	for in, want := range map[string]string{"Ana LÓPEZ": "ana lopez", "Muñoz": "munoz", "Ñ": "n", "Straße": "strasse", "Lo\u0301pez": "lopez", "": ""} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
	if got := (Party{"+525512345678", "José"}).Folded(); got != "+525512345678\njose" {
		t.Errorf("got %q", got)
	}
}
