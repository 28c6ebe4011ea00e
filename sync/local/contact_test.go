package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"timbre/internal/office"
)

// cards writes lines as a file has them.
func cards(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestAddressBooksAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		book string
		want string // name number label, …
	}{
		"version 4":            {cards("BEGIN:VCARD", "VERSION:4.0", "FN:Ana López", "TEL;VALUE=uri;TYPE=\"voice,cell\":tel:+52-55-1234-5678;ext=9", "END:VCARD"), "Ana López +525512345678 cell, "},
		"version 3":            {cards("BEGIN:VCARD", "VERSION:3.0", "N:López;Ana;María;;", "FN:Ana López", "TEL;TYPE=WORK,VOICE:55 1234 5678", "TEL;TYPE=HOME:+34 911 234 567", "END:VCARD"), "Ana López +525512345678 work, Ana López +34911234567 home, "},
		"version 2.1":          {cards("BEGIN:VCARD", "VERSION:2.1", "N:Lopez;Ana", "FN:Ana Lopez", "TEL;CELL;VOICE:(55) 1234-5678", "END:VCARD"), "Ana Lopez +525512345678 cell, "},
		"quoted-printable":     {cards("BEGIN:VCARD", "VERSION:2.1", "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Ana=20L=C3=B3=", "pez", "TEL:102", "END:VCARD"), "Ana López 102 , "},
		"latin 1":              {cards("BEGIN:VCARD", "VERSION:2.1", "FN;ENCODING=QUOTED-PRINTABLE:Pe=F1a", "TEL:102", "END:VCARD"), "Peña 102 , "},
		"latin 1 bare":         {cards("BEGIN:VCARD", "VERSION:2.1", "FN;CHARSET=ISO-8859-1:Mar\xeda Pe\xf1a", "TEL:102", "END:VCARD"), "María Peña 102 , "},
		"latin 1 unsaid":       {cards("BEGIN:VCARD", "VERSION:3.0", "N:Pe\xf1a;Jos\xe9;;;", "TEL:102", "END:VCARD"), "José Peña 102 , "},
		"latin 1 as UTF-8":     {cards("BEGIN:VCARD", "VERSION:2.1", "FN;CHARSET=\"iso-8859-15\";ENCODING=QUOTED-PRINTABLE:=C3=B1", "TEL:102", "END:VCARD"), "Ã± 102 , "},
		"windows 1252":         {cards("BEGIN:VCARD", "VERSION:2.1", "FN;CHARSET=WINDOWS-1252:D\x92Art\xf3", "TEL:102", "END:VCARD"), "D’Artó 102 , "},
		"UTF-8 cut by folding": {cards("BEGIN:VCARD", "FN:Pe\xc3", " \xb1a", "TEL:102", "END:VCARD"), "Peña 102 , "},
		"UTF-8 bare":           {cards("BEGIN:VCARD", "VERSION:2.1", "FN;CHARSET=UTF-8:Peña", "TEL:102", "END:VCARD"), "Peña 102 , "},
		"folded lines":         {cards("BEGIN:VCARD", "FN:Ana ", " López", "TEL:1", " 02", "END:VCARD"), "Ana López 102 , "},
		"groups":               {cards("BEGIN:VCARD", "item1.FN:Ana", "item2.TEL;type=pref:102", "item2.X-ABLabel:_$!<Main>!$_", "END:VCARD"), "Ana 102 , "},
		"bare line ends":       {"BEGIN:VCARD\nFN:Ana\nTEL:102\nEND:VCARD", "Ana 102 , "},
		"byte order mark":      {"\ufeff" + cards("BEGIN:VCARD", "FN:Ana", "TEL:102", "END:VCARD"), "Ana 102 , "},
		"name from its parts":  {cards("BEGIN:VCARD", "N:López;Ana;;;", "TEL:102", "END:VCARD"), "Ana López 102 , "},
		"a company":            {cards("BEGIN:VCARD", "ORG:Dental Ruiz;Ventas", "TEL:102", "END:VCARD"), "Dental Ruiz 102 , "},
		"nobody":               {cards("BEGIN:VCARD", "TEL:102", "END:VCARD"), ""},
		"no number":            {cards("BEGIN:VCARD", "FN:Ana", "TEL:call me", "TEL:", "END:VCARD"), ""},
		"a photograph":         {cards("BEGIN:VCARD", "FN:Ana", "PHOTO;ENCODING=b;TYPE=JPEG:"+strings.Repeat("A", 200_000), " "+strings.Repeat("B", 100), "TEL:102", "END:VCARD"), "Ana 102 , "},
		"a name without end":   {cards("BEGIN:VCARD", "FN:"+strings.Repeat("x", 2*maxProperty), "TEL:102", "END:VCARD"), ""},
		"tricks":               {cards("BEGIN:VCARD", "FN:Ana\u202e \tLópez", "TEL:+52 (55) 1234 5678 ", "END:VCARD"), "Ana López +525512345678 , "},
		"a broken one between": {cards("BEGIN:VCARD", "FN:Ana", "BEGIN:VCARD", "FN:Luis", "TEL:103", "END:VCARD", "TEL:9", "END:VCARD"), "Luis 103 , "},
		"two cards":            {cards("BEGIN:VCARD", "FN:Ana", "TEL:102", "END:VCARD", "", "BEGIN:VCARD", "FN:Luis", "TEL:103", "END:VCARD"), "Ana 102 , Luis 103 , "},
	} {
		contacts, err := readCards(strings.NewReader(c.book), maxBook, "MX")
		got := ""
		for _, x := range contacts {
			got += fmt.Sprintf("%s %s %s, ", x.Name, string(x.Number), x.Label)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestHostileAddressBooks(t *testing.T) {
	for name, c := range map[string]struct {
		book io.Reader
		want error
	}{
		"empty":            {strings.NewReader(""), office.ErrName},
		"something else":   {io.LimitReader(zeros{}, 1<<20), office.ErrName},
		"an endless line":  {io.MultiReader(strings.NewReader("BEGIN:VCARD\r\nFN:"), zeros{}), office.ErrLimit},
		"too many numbers": {strings.NewReader(strings.Repeat("BEGIN:VCARD\nFN:a\nTEL:102\nTEL:103\nEND:VCARD\n", maxContacts/2+1)), office.ErrLimit},
	} {
		if _, err := readCards(c.book, 8<<20, "MX"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzAddressBook(f *testing.F) {
	f.Add(cards("BEGIN:VCARD", "VERSION:2.1", "FN;ENCODING=QUOTED-PRINTABLE:Pe=F1=", "a", "TEL;CELL:102", "END:VCARD"))
	f.Add(cards("BEGIN:VCARD", "item1.N:a;b", " c", "TEL;TYPE=\"x;:", "END:VCARD"))
	f.Fuzz(func(t *testing.T, book string) {
		contacts, err := readCards(strings.NewReader(book), maxBook, "MX")
		if err != nil && len(contacts) > 0 {
			t.Errorf("%v, %v", contacts, err)
		}
		for _, c := range contacts {
			if office.CheckName(c.Name) != nil || c.Number == "" {
				t.Errorf("%q", c)
			}
		}
	})
}

func TestNumbersOfARegion(t *testing.T) {
	for _, c := range []struct {
		n      office.Number
		region office.Region
		want   office.Number
	}{
		{"5512345678", "MX", "+525512345678"},
		{"015512345678", "MX", "+525512345678"},
		{"0445512345678", "MX", "+525512345678"},
		{"+5215512345678", "MX", "+525512345678"},
		{"525512345678", "MX", "+525512345678"},
		{"12345678", "MX", "12345678"}, // without its area
		{"102", "MX", "102"},
		{"*97", "MX", "*97"},
		{"0034911234567", "MX", "+34911234567"},
		{"12125550100", "US", "+12125550100"},
		{"2125550100", "US", "+12125550100"},
		{"011525512345678", "US", "+525512345678"},
		{"911234567", "ES", "+34911234567"},
		{"02079460000", "GB", "+442079460000"},
		{"02079460000", "XX", "02079460000"}, // who knows
		{"+4402079460000", "GB", "+4402079460000"},
	} {
		if got := international(c.n, c.region); got != c.want {
			t.Errorf("%s in %s: %s, want %s", string(c.n), c.region, string(got), string(c.want))
		}
	}
}

func TestContactsAreKept(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	book := cards("BEGIN:VCARD", "FN:Luis Peña", "TEL;TYPE=CELL:5512345678", "TEL;TYPE=WORK:5587654321", "END:VCARD", "BEGIN:VCARD", "FN:Ana", "TEL:102", "END:VCARD")
	for _, want := range []int{3, 0} { // the second time changes nothing
		if n, err := m.ImportContacts(ctx, strings.NewReader(book), "MX"); n != want || err != nil {
			t.Errorf("%d new, want %d, %v", n, want, err)
		}
	}
	if list, err := m.Contacts(ctx, ""); err != nil || len(list) != 3 || list[0].Name != "Ana" || list[1] != (Contact{"Luis Peña", "+525512345678", "cell"}) {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := m.Contacts(ctx, "pena"); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := m.ImportContacts(ctx, strings.NewReader("hello"), "MX"); !errors.Is(err, office.ErrName) {
		t.Errorf("got %v", err)
	}
	before, _ := m.Stamps(ctx)
	if err := m.RemoveContacts(ctx); err != nil {
		t.Fatal(err)
	}
	if after, _ := m.Stamps(ctx); after.Contacts == before.Contacts {
		t.Error("nobody is told")
	}
	if list, err := m.Contacts(ctx, ""); len(list) != 0 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
}
