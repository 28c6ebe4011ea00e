package dialplan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"timbre/internal/office"
)

// ParseOutside returns the number outside that a person typed or pasted, in
// E.164, and its class: a national number of the region, or an international one
// that begins with 00 or +. Service codes of the region's carriers stay as they
// are. It returns office.ErrNumber where nobody can have such a number.
func ParseOutside(s string, region office.Region) (office.Number, office.Class, error) {
	n, err := office.ParseNumber(s)
	if err != nil || strings.ContainsAny(string(n), "*#") {
		return "", "", office.ErrNumber
	}
	if n.IsService(region) {
		return n, classOfService(n, region), nil
	}
	p, e164, ok := read(modern(n, region), region)
	if !ok || !isPossible(p) {
		return "", "", office.ErrNumber
	}
	return e164, classOf(p, e164, region), nil
}

// CheckRegion returns office.ErrRegion unless r is a country whose numbers are
// known.
func CheckRegion(r office.Region) error {
	if err := office.CheckRegion(r); err != nil {
		return err
	}
	if phonenumbers.GetCountryCodeForRegion(string(r)) == 0 {
		return office.ErrRegion
	}
	return nil
}

// emergency returns the number of the emergency services that n is, however much
// stands before it: a telephone book on a mobile writes them with + or the country
// code as well.
func emergency(n office.Number, region office.Region) (help office.Number, ok bool) {
	if n.IsEmergency(region) {
		return n, true
	}
	abroad, ok := strings.CutPrefix(string(international(n, region)), "+")
	if !ok {
		return "", false
	}
	country := strconv.Itoa(phonenumbers.GetCountryCodeForRegion(string(region)))
	for _, help := range [...]office.Number{office.Number(abroad), office.Number(strings.TrimPrefix(abroad, country))} {
		if help.IsEmergency(region) {
			return help, true
		}
	}
	return "", false
}

// operators are the service codes behind which somebody connects calls to anywhere,
// for the fee of both.
var operators = map[office.Region]string{"MX": "020 090"}

// classOfService returns what class a service code of the region is of.
func classOfService(n office.Number, region office.Region) office.Class {
	if slices.Contains(strings.Fields(operators[region]), string(n)) {
		return office.Premium
	}
	return office.National
}

// read returns the number n, as it is dialled in the region, and its E.164 form;
// ok is false where it has none.
func read(n office.Number, region office.Region) (p *phonenumbers.PhoneNumber, e164 office.Number, ok bool) {
	p, err := phonenumbers.Parse(string(n), string(region))
	if err != nil {
		return nil, "", false
	}
	form := phonenumbers.Format(p, phonenumbers.E164)
	// A trunk prefix, as in +44 (0)20, is taken off once: with a second one it is another number each time that it is read.
	again, err := phonenumbers.Parse(form, "")
	if err != nil || phonenumbers.Format(again, phonenumbers.E164) != form || len(form) > len("+")+15 { // ITU-T E.164 §6.2.1
		return nil, "", false
	}
	return again, office.Number(form), true
}

// international returns n with + in the place of 00, in North America also of 011.
func international(n office.Number, region office.Region) office.Number {
	if rest, ok := strings.CutPrefix(string(n), "00"); ok {
		return office.Number("+" + rest)
	}
	if rest, ok := strings.CutPrefix(string(n), "011"); ok && phonenumbers.GetCountryCodeForRegion(string(region)) == 1 {
		return office.Number("+" + rest)
	}
	return n
}

// modern returns n as international does, and in Mexico without what had to be
// dialled before 2019: 01, 044 and 045, and the 1 behind 52 for mobiles.
func modern(n office.Number, region office.Region) office.Number {
	n = international(n, region)
	if region != "MX" && !strings.HasPrefix(string(n), "+52") {
		return n
	}
	rest, abroad := strings.CutPrefix(string(n), "+52")
	if !abroad && n[0] == '+' {
		return n
	}
	for _, prefix := range [...]string{"52", "521", "01", "044", "045", "1"} {
		if prefix == "1" && !abroad { // the country code of others
			continue
		}
		if ten, ok := strings.CutPrefix(rest, prefix); ok && len(ten) == 10 {
			return office.Number("+52" + ten)
		}
	}
	return n
}

// isPossible reports whether a number has a length that its country uses. Which
// ranges are in use changes faster than any table; the carrier knows.
func isPossible(p *phonenumbers.PhoneNumber) bool {
	if phonenumbers.IsPossibleNumberWithReason(p) != phonenumbers.IS_POSSIBLE {
		return false
	}
	significant := phonenumbers.GetNationalSignificantNumber(p)
	return p.GetCountryCode() != 52 || significant[0] >= '2' // no area of Mexico begins with 0 or 1
}

// premium are the beginnings of numbers that cost far more than a call: paid
// services, personal numbers that lead anywhere, and satellites, which the tables
// of the library take for mobiles or VoIP.
var premium = [...]string{
	"+1900", "+52900",
	"+4470", "+4476", "+449",
	"+870",                 // Inmarsat
	"+878",                 // personal numbers
	"+881",                 // Iridium, Globalstar
	"+882", "+883", "+888", // international networks
	"+808", "+979", // international shared cost and premium rate
}

// classOf returns what class the number p, in E.164, is of for the region.
func classOf(p *phonenumbers.PhoneNumber, e164 office.Number, region office.Region) office.Class {
	for _, prefix := range premium {
		if strings.HasPrefix(string(e164), prefix) {
			return office.Premium
		}
	}
	if isNorthAmerican976(e164) || phonenumbers.GetNumberType(p) == phonenumbers.PREMIUM_RATE {
		return office.Premium
	}
	country := int(p.GetCountryCode())
	if country != phonenumbers.GetCountryCodeForRegion(string(region)) {
		return office.International
	}
	// Jamaica and Canada are +1 too.
	switch in := phonenumbers.GetRegionCodeForNumber(p); {
	case in == string(region), in == "" && len(phonenumbers.GetRegionCodesForCountryCode(country)) == 1:
		return office.National
	}
	return office.International
}

// isNorthAmerican976 reports whether n is of the exchange of paid services that
// each area of North America has.
func isNorthAmerican976(n office.Number) bool {
	return len(n) == len("+12125559760") && strings.HasPrefix(string(n), "+1") && n[5:8] == "976"
}

// Written returns n as a carrier wants it: in E.164, or as it is dialled in the
// region, where what is abroad gets the region's international prefix. Short
// codes stay as they are.
func Written(n office.Number, f office.NumberFormat, region office.Region) string {
	digits, ok := strings.CutPrefix(string(n), "+")
	if !ok || f != office.NationalFormat {
		return string(n)
	}
	country := phonenumbers.GetCountryCodeForRegion(string(region))
	p, err := phonenumbers.Parse(string(n), "")
	switch {
	case err == nil && country != 0 && int(p.GetCountryCode()) == country:
		return national(p)
	case country == 1:
		return "011" + digits
	}
	return "00" + digits
}

// national returns p as it is dialled inside its country, digits only.
func national(p *phonenumbers.PhoneNumber) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phonenumbers.Format(p, phonenumbers.NATIONAL))
}

// Inbound returns in E.164 the number that a carrier sends as called or calling,
// however it writes it: the user part of a SIP or tel URI, with or without + and
// country code. What has no such form but 7 to 15 digits stays as it is. The
// empty Number: it is none, or so short that it would pass for an extension.
func Inbound(sent string, region office.Region) office.Number {
	sent, _, _ = strings.Cut(sent, ";") // parameters, as npdi (RFC 4694)
	n, err := office.ParseNumber(sent)
	if err != nil || strings.ContainsAny(string(n), "*#") || n.IsExtension() || len(n) < 2 {
		return ""
	}
	if e164, _, err := ParseOutside(string(n), region); err == nil {
		return e164
	}
	if n[0] != '+' {
		p, e164, ok := read("+"+n, "")
		if ok && phonenumbers.IsValidNumber(p) {
			return e164
		}
	}
	if digits := strings.TrimPrefix(string(n), "+"); len(digits) < 7 || len(digits) > 15 {
		return ""
	}
	return n
}
