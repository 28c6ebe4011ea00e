package dialplan

import (
	"testing"

	"timbre/internal/office"
)

func TestRoute(t *testing.T) {
	table := Table{HasExtension: func(n office.Number) bool { return n == "101" || n == "102" }}
	for dialled, want := range map[string]Destination{
		"102":       {Extension, "102"},
		" 1-0 2":    {Extension, "102"}, // as pasted
		"101":       {Extension, "101"}, // one's own: the other devices ring
		"*43":       {EchoTest, "*43"},
		"vm-102":    {Voicemail, "102"},
		"vm-199":    {NotFound, "199"},
		"vm-*43":    {NotFound, "*43"},
		"vm-vm-102": {},
		"199":       {NotFound, "199"},
		"*44":       {NotFound, "*44"},
		"+52 55 5":  {NotFound, "+52555"}, // no lines to the outside
		"112":       {NotFound, "112"},
		"ana":       {},
		"":          {},
		"1;drop":    {},
	} {
		if got := Route(office.Extension{Number: "101"}, dialled, table); got != want {
			t.Errorf("Route(%q) = %v, want %v", dialled, got, want)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range []string{"102", "*43", "vm-102", "+52 55", "vm-", "\x00"} {
		f.Add(s)
	}
	table := Table{HasExtension: office.Number.IsExtension}
	f.Fuzz(func(t *testing.T, dialled string) {
		d := Route(office.Extension{}, dialled, table)
		if (d.Kind == Extension || d.Kind == Voicemail) && !d.Number.IsExtension() {
			t.Errorf("Route(%q) = %v", dialled, d)
		}
	})
}
