package office_test

import (
	"strings"
	"testing"

	"timbre/internal/office"
)

func TestInvitationIsReadAsItWasWritten(t *testing.T) {
	for _, i := range []office.Invitation{
		{Server: "https://pbx.example.com:8443", Company: "+525555550100", Extension: "101", Token: "aB-_9"},
		{Server: "https://[2001:db8::1]:8443", Company: "+525555550100", Extension: "1001", Token: "x", Fingerprint: office.Fingerprint(strings.Repeat("0a", 32))},
	} {
		got, err := office.ParseInvitation(" " + i.String() + "\n")
		if err != nil || got != i {
			t.Errorf("%s: %+v, %v", i, got, err)
		}
	}
}

func TestParseInvitationRefuses(t *testing.T) {
	good := office.Invitation{Server: "https://pbx.example.com", Company: "+525555550100", Extension: "101", Token: "x"}.String()
	for _, link := range []string{
		"", "timbre:", "tel:+525555550123", "https://invitation?token=x",
		strings.Replace(good, "invitation", "call", 1),
		strings.Replace(good, "https%3A", "http%3A", 1), // the password would travel in clear
		strings.Replace(good, "pbx.example.com", "me%40pbx.example.com", 1),
		strings.Replace(good, "pbx.example.com", "pbx.example.com%2Fx", 1),
		strings.Replace(good, "extension=101", "extension=+52", 1),
		strings.Replace(good, "token=x", "token=", 1),
		strings.Replace(good, "token=x", "token=a%0Ab", 1),
		good + "&fingerprint=12", good + ";x",
	} {
		if got, err := office.ParseInvitation(link); err != office.ErrInvitation {
			t.Errorf("%q: %+v, %v", link, got, err)
		}
	}
}

// FuzzParseInvitation: whatever is read can be written and read again.
func FuzzParseInvitation(f *testing.F) {
	f.Add(office.Invitation{Server: "https://pbx.example.com", Company: "+525555550100", Extension: "101", Token: "x"}.String())
	f.Add("timbre://invitation?server=%zz")
	f.Fuzz(func(t *testing.T, link string) {
		i, err := office.ParseInvitation(link)
		if err != nil {
			return
		}
		if again, err := office.ParseInvitation(i.String()); err != nil || again != i {
			t.Errorf("%+v became %+v, %v", i, again, err)
		}
	})
}
