package locale

import "testing"

func TestNameOnlyWhereNoLanguageIsNamed(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"LANG": "C.UTF-8"}, "es"},
		{map[string]string{"LC_ALL": "POSIX.UTF-8", "LANG": "en_US.UTF-8"}, "es"},
		{map[string]string{"LANG": "en_US.UTF-8"}, ""},
		{map[string]string{"LC_ALL": "en_US.UTF-8", "LANG": "C.UTF-8"}, ""}, // the first that is set counts
		{map[string]string{"LANG": "C.UTF-8", "LANGUAGE": "en"}, "en"},
		{map[string]string{"LANG": "C"}, ""}, // Fyne knows this one
		{map[string]string{}, ""},
	} {
		err := name(func(k string) (string, bool) { v, ok := c.env[k]; return v, ok }, func(k, v string) error { c.env[k] = v; return nil })
		if got := c.env["LANGUAGE"]; got != c.want || err != nil {
			t.Errorf("%v: LANGUAGE is %q, want %q (%v)", c.env, got, c.want, err)
		}
	}
}
