package dialplan

import (
	"strings"
	"testing"

	"timbre/internal/office"
)

func TestParseOutside(t *testing.T) {
	for _, c := range []struct {
		region office.Region
		in     string
		want   office.Number
		class  office.Class
	}{
		// Mexico: ten digits, and all that people still have in their address books.
		{"MX", "5512345678", "+525512345678", office.National},
		{"MX", "55 1234 5678", "+525512345678", office.National},
		{"MX", "55-1234-5678", "+525512345678", office.National},
		{"MX", "(55) 1234.5678", "+525512345678", office.National},
		{"MX", "\u202a55\u20131234\u20135678\u202c", "+525512345678", office.National},
		{"MX", "525512345678", "+525512345678", office.National},
		{"MX", "5215512345678", "+525512345678", office.National},
		{"MX", "01 55 1234 5678", "+525512345678", office.National},
		{"MX", "044 55 1234 5678", "+525512345678", office.National},
		{"MX", "045 55 1234 5678", "+525512345678", office.National},
		{"MX", "+52 55 1234 5678", "+525512345678", office.National},
		{"MX", "+52 1 55 1234 5678", "+525512345678", office.National},
		{"MX", "+52 01 55 1234 5678", "+525512345678", office.National},
		{"MX", "+52 044 55 1234 5678", "+525512345678", office.National},
		{"MX", "0052 55 1234 5678", "+525512345678", office.National},
		{"MX", "00 52 1 55 1234 5678", "+525512345678", office.National},
		{"MX", "998 123 4567", "+529981234567", office.National}, // an area of three digits
		{"MX", "800 123 4567", "+528001234567", office.National}, // free of charge
		{"MX", "900 123 4567", "+529001234567", office.Premium},
		{"MX", "01 900 123 4567", "+529001234567", office.Premium},
		{"MX", "071", "071", office.National},
		{"MX", "5512345", "", ""},
		{"MX", "55123456789", "", ""},
		{"MX", "1234567890", "", ""}, // no area begins with 0 or 1
		{"MX", "0123456789", "", ""},
		{"MX", "01 044 55 1234 567", "", ""},
		{"MX", "*55", "", ""},
		{"MX", "5512345678#", "", ""},
		{"MX", "55123456+8", "", ""},
		{"MX", "tel:5512345678", "", ""},
		{"MX", "", "", ""},
		{"MX", "102", "", ""},

		// Abroad.
		{"MX", "00 1 212 555 1234", "+12125551234", office.International},
		{"MX", "+1 (212) 555-1234", "+12125551234", office.International},
		{"MX", "0033123456789", "+33123456789", office.International},
		{"MX", "+44 20 7946 0123", "+442079460123", office.International},
		{"MX", "+44 (0)20 7946 0123", "+442079460123", office.International}, // as the British write it
		{"MX", "+200000000000", "", ""},
		{"MX", "+39 06 1234 5678", "+390612345678", office.International}, // its zero stays
		{"MX", "+1 876 555 1234", "+18765551234", office.International},   // Jamaica, a mobile to the library
		{"MX", "+800 1234 5678", "+80012345678", office.International},    // free of charge, from everywhere
		{"MX", "00", "", ""},
		{"MX", "+1 212 555", "", ""},
		{"MX", "+999 123 4567", "", ""}, // no country
		{"MX", "+33 1234567890123456", "", ""},

		// Dearer than any call.
		{"MX", "+1 900 555 1234", "+19005551234", office.Premium},
		{"MX", "+1 212 976 1234", "+12129761234", office.Premium},
		{"MX", "+44 70 1234 5678", "+447012345678", office.Premium},
		{"MX", "+44 909 879 0123", "+449098790123", office.Premium},
		{"MX", "+33 899 12 34 56", "+33899123456", office.Premium}, // as the library knows
		{"MX", "+870 773 123 456", "+870773123456", office.Premium},
		{"MX", "+881 6 123 45678", "+881612345678", office.Premium},
		{"MX", "+882 16 123 4567", "+882161234567", office.Premium}, // VoIP to the library
		{"MX", "+979 1 2345 6789", "+979123456789", office.Premium},

		// Elsewhere.
		{"US", "212 555 1234", "+12125551234", office.National},
		{"US", "1 212 555 1234", "+12125551234", office.National},
		{"US", "+1 204 555 1234", "+12045551234", office.International}, // Canada
		{"US", "+1 876 555 1234", "+18765551234", office.International},
		{"US", "011 52 1 55 1234 5678", "+525512345678", office.International},
		{"US", "411", "411", office.National},
		{"US", "1 900 555 1234", "+19005551234", office.Premium},
		{"GB", "020 7946 0123", "+442079460123", office.National},
		{"GB", "01481 960 194", "+441481960194", office.International}, // Guernsey
		{"GB", "+52 1 55 1234 5678", "+525512345678", office.International},
		{"FR", "01 23 45 67 89", "+33123456789", office.National},
		{"XX", "+52 55 1234 5678", "+525512345678", office.International},
		{"XX", "55 1234 5678", "", ""}, // what is national there is not known
	} {
		got, class, err := ParseOutside(c.in, c.region)
		if got != c.want || class != c.class || (err == nil) != (c.want != "") || err != nil && err != office.ErrNumber {
			t.Errorf("ParseOutside(%q, %s) = %q, %q, %v; want %q, %q", c.in, c.region, got, class, err, c.want, c.class)
		}
	}
}

func TestCheckRegion(t *testing.T) {
	for r, want := range map[office.Region]error{
		"MX": nil, "US": nil, "DE": nil,
		"XX": office.ErrRegion, "ZZ": office.ErrRegion, "": office.ErrRegion, "mx": office.ErrRegion, "MEX": office.ErrRegion, "001": office.ErrRegion,
	} {
		if err := CheckRegion(r); err != want {
			t.Errorf("CheckRegion(%q) = %v, want %v", string(r), err, want)
		}
	}
}

func TestWritten(t *testing.T) {
	for _, c := range []struct {
		region   office.Region
		number   office.Number
		national string
	}{
		{"MX", "+525512345678", "5512345678"},
		{"MX", "+528001234567", "8001234567"},
		{"MX", "+12125551234", "0012125551234"},
		{"MX", "+33123456789", "0033123456789"},
		{"US", "+12125551234", "2125551234"},
		{"US", "+525512345678", "011525512345678"},
		{"GB", "+442079460123", "02079460123"},
		{"GB", "+390612345678", "00390612345678"},
		{"XX", "+525512345678", "00525512345678"},
		{"MX", "911", "911"},
		{"MX", "071", "071"},
	} {
		if got := Written(c.number, office.NationalFormat, c.region); got != c.national {
			t.Errorf("%s in %s: %s, want %s", c.number, c.region, got, c.national)
		}
		if got := Written(c.number, office.E164, c.region); got != string(c.number) {
			t.Errorf("%s in E.164: %s", c.number, got)
		}
		if back := Inbound(c.national, c.region); c.number[0] == '+' && c.region != "XX" && back != c.number {
			t.Errorf("%s of %s comes back as %s", c.national, c.region, back)
		}
	}
}

func TestInbound(t *testing.T) {
	for in, want := range map[string]office.Number{
		"+525555550123":                   "+525555550123",
		"525555550123":                    "+525555550123",
		"5555550123":                      "+525555550123",
		"5215555550123":                   "+525555550123",
		"015555550123":                    "+525555550123",
		"00525555550123":                  "+525555550123",
		"+52 55-5555-0123":                "+525555550123",
		"5555550123;phone-context=+52":    "+525555550123",
		"+525555550123;npdi;rn=+52555555": "+525555550123",
		"+12125551234":                    "+12125551234",
		"12125551234":                     "+12125551234", // E.164 without +
		"33123456789":                     "+33123456789",
		"442079460123":                    "+442079460123",
		"1234567":                         "1234567", // nobody's form, but a number
		"+999123456":                      "+999123456",
		"102":                             "", // would pass for the extension
		"555555":                          "",
		"911":                             "",
		"071":                             "",
		"anonymous":                       "",
		"":                                "",
		"+":                               "",
		"*43":                             "",
		"5555550123#":                     "",
		"carrier-account":                 "",
		"1234567890123456":                "",
		"+5":                              "",
	} {
		if got := Inbound(in, "MX"); got != want {
			t.Errorf("Inbound(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzInbound(f *testing.F) {
	for _, s := range []string{"+525555550123", "12125551234", "102", ";", "+;", "5555550123;x", "00", "anonymous"} {
		f.Add(s, "MX")
	}
	f.Fuzz(func(t *testing.T, sent, region string) {
		n := Inbound(sent, office.Region(region))
		if n == "" {
			return
		}
		if n.IsExtension() || len(n) > 16 || strings.Trim(string(n[1:]), "0123456789") != "" {
			t.Errorf("Inbound(%q) = %q", sent, n)
		}
		if again := Inbound(string(n), office.Region(region)); again != n {
			t.Errorf("Inbound(%q) = %q, and from there %q", sent, n, again)
		}
	})
}
