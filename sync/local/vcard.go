package local

import (
	"bufio"
	"errors"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-vcard"

	"timbre/internal/office"
)

// Bounds of an address book. It comes from anywhere.
const (
	maxBook      = 512 << 20 // octets, nearly all of them photographs
	maxProperty  = 8 << 10   // octets of one property that is read; a longer one is skipped
	maxCardLines = 200       // properties of one card that are read
)

// readCards returns the numbers of an address book of less than size octets, each
// with its person's name.
// office.ErrName where it holds no card at all, office.ErrLimit where it is too
// large.
func readCards(r io.Reader, size int64, region office.Region) ([]Contact, error) {
	lines := &cardLines{r: bufio.NewReaderSize(io.LimitReader(r, size), 64<<10)}
	var contacts []Contact
	var card []string
	cards, begun := 0, false
	for {
		name, line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			if lines.read >= size {
				return nil, office.ErrLimit
			}
			if cards == 0 {
				return nil, office.ErrName
			}
			return contacts, nil
		case err != nil:
			return nil, err
		case name == "BEGIN":
			card, begun = card[:0], true
		case !begun: // what stands between cards is nobody's
		case name == "END":
			cards++
			begun = false
			if contacts = append(contacts, cardContacts(card, region)...); len(contacts) > maxContacts {
				return nil, office.ErrLimit
			}
		case len(card) < maxCardLines:
			card = append(card, line)
		}
	}
}

// cardContacts returns the numbers of one card.
func cardContacts(lines []string, region office.Region) (contacts []Contact) {
	card, err := vcard.NewDecoder(strings.NewReader("BEGIN:VCARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n")).Decode()
	if err != nil {
		return nil
	}
	name := cardName(card)
	if name == "" {
		return nil
	}
	for _, tel := range card[vcard.FieldTelephone] {
		value := tel.Value
		if len(value) >= 4 && strings.EqualFold(value[:4], "tel:") { // RFC 3966
			value = value[4:]
		}
		value, _, _ = strings.Cut(value, ";")
		n, err := office.ParseNumber(value)
		if err == nil {
			contacts = append(contacts, Contact{name, international(n, region), label(tel)})
		}
	}
	return contacts
}

// cardName returns the name to show for a card: as it is written, else from its
// parts, else the company's.
func cardName(card vcard.Card) string {
	if name := office.CleanName(card.PreferredValue(vcard.FieldFormattedName)); name != "" {
		return name
	}
	if n := card.Name(); n != nil {
		if name := office.CleanName(n.GivenName + " " + n.AdditionalName + " " + n.FamilyName); name != "" {
			return name
		}
	}
	company, _, _ := strings.Cut(card.PreferredValue(vcard.FieldOrganization), ";")
	return office.CleanName(company)
}

// label returns what kind of number it is; empty where the card does not say.
func label(tel *vcard.Field) string {
	for _, t := range tel.Params[vcard.ParamType] {
		switch t = strings.ToLower(t); t {
		case "cell", "work", "home", "fax", "pager", "car", "main":
			return t
		}
	}
	return ""
}

// cardLines reads the properties of an address book that are of use, unfolded.
type cardLines struct {
	r    *bufio.Reader
	read int64 // octets
	held string
	has  bool // held is the next physical line
}

// next returns the next property of use, in full and by its name.
func (c *cardLines) next() (name, line string, err error) {
	for {
		if line, err = c.physical(); err != nil {
			return "", "", err
		}
		name = propertyName(line)
		wanted := slices.Contains([]string{"BEGIN", "END", "FN", "N", "TEL", "ORG"}, name)
		head, _ := splitProperty(line)
		quoted := isQuoted(head)
		for {
			more, err := c.physical()
			if err != nil {
				break // it comes again
			}
			soft := quoted && strings.HasSuffix(line, "=")
			if !soft && (more == "" || more[0] != ' ' && more[0] != '\t') {
				c.held, c.has = more, true
				break
			}
			switch {
			case !wanted || len(line) > maxProperty:
			case soft:
				line += "\n" + more
			default:
				line += more[1:]
			}
			if soft && !strings.HasSuffix(more, "=") {
				quoted = false
			}
		}
		if !wanted || len(line) > maxProperty {
			continue
		}
		head, value := splitProperty(line)
		if isQuoted(head) {
			value = unquote(value)
		}
		return name, modern(head) + ":" + decode(value, charset(head)), nil
	}
}

// splitProperty splits a line at the colon before the value.
func splitProperty(line string) (head, value string) {
	inside := false // quotes
	for i := range len(line) {
		switch line[i] {
		case '"':
			inside = !inside
		case ':':
			if !inside {
				return line[:i], line[i+1:]
			}
		}
	}
	return line, ""
}

// isQuoted reports whether a property of version 2.1 says that its value is
// quoted-printable.
func isQuoted(head string) bool { return strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE") }

// modern returns the name and parameters of a property as they are written since
// version 3: TEL;CELL becomes TEL;TYPE=CELL.
func modern(head string) string {
	parts := strings.Split(head, ";")
	kept := parts[:1]
	for _, p := range parts[1:] {
		switch name, _, has := strings.Cut(strings.ToUpper(p), "="); {
		case name == "ENCODING", name == "CHARSET", name == "QUOTED-PRINTABLE":
		case !has && !strings.Contains(p, `"`):
			kept = append(kept, "TYPE="+p)
		default:
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// physical returns the next line of the file, cut where it is longer than any
// that is of use.
func (c *cardLines) physical() (string, error) {
	if c.has {
		c.has = false
		return c.held, nil
	}
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		c.read += int64(len(part))
		if len(line) <= maxProperty {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && len(line) == 0 {
			return "", err
		}
		return strings.TrimPrefix(strings.TrimRight(string(line), "\r\n"), "\ufeff"), nil
	}
}

// propertyName returns the name of the property that a line holds, without its
// group, in capitals.
func propertyName(line string) string {
	end := strings.IndexAny(line, ":;")
	if end < 0 {
		return ""
	}
	name := line[:end]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	return strings.ToUpper(name)
}

// unquote decodes the quoted-printable value of a card of version 2.1.
func unquote(value string) string {
	plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
	if err != nil {
		return value
	}
	return strings.NewReplacer("\r", "", "\n", " ").Replace(string(plain))
}

// charset returns what a property of version 2.1 says of the letters of its value, in
// capitals; empty where it says nothing.
func charset(head string) string {
	for _, p := range strings.Split(strings.ToUpper(head), ";") {
		if set, ok := strings.CutPrefix(p, "CHARSET="); ok {
			return strings.Trim(set, `" `)
		}
	}
	return ""
}

// beyondLatin are the letters that Windows has where Latin-1 has control characters,
// from 0x80 on.
var beyondLatin = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// decode returns a value in UTF-8. What neither says that it is Latin-1 nor is UTF-8
// is taken for Latin-1, as old telephones and Outlook write it.
func decode(value, charset string) string {
	isLatin := slices.Contains([]string{"ISO-8859-1", "ISO-8859-15", "WINDOWS-1252", "LATIN1"}, charset) // which differ in signs that no name has
	if !isLatin && utf8.ValidString(value) {
		return value
	}
	var b strings.Builder
	for _, octet := range []byte(value) {
		if octet >= 0x80 && octet < 0xa0 {
			b.WriteRune(beyondLatin[octet-0x80])
		} else {
			b.WriteRune(rune(octet))
		}
	}
	return b.String()
}
