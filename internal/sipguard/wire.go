package sipguard

import (
	"bytes"
	"strconv"
)

// Limits of one SIP message from outside.
const (
	MaxMessage = 32 << 10 // bytes, header and body
	MaxHeader  = 16 << 10 // bytes up to the empty line
	maxFields  = 128      // header fields, and folded lines
)

// A fieldKind names the header fields that the guard looks into.
type fieldKind uint8

const (
	otherField fieldKind = iota
	viaField
	fromField
	toField
	callIDField
	cseqField
	contactField
	routeField // Route, Record-Route, Refer-To, Referred-By, Path: addresses, none counted
	maxForwardsField
	contentLengthField
	contentTypeField
	expiresField
	dateField
	fieldKinds
)

// kindOf returns the kind of the header field name, in its long or compact form.
func kindOf(name []byte) fieldKind {
	var low [16]byte
	if len(name) > len(low) {
		return otherField
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(name)]) {
	case "via", "v":
		return viaField
	case "from", "f":
		return fromField
	case "to", "t":
		return toField
	case "call-id", "i":
		return callIDField
	case "cseq":
		return cseqField
	case "contact", "m":
		return contactField
	case "route", "record-route", "refer-to", "r", "referred-by", "b":
		return routeField
	case "max-forwards":
		return maxForwardsField
	case "content-length", "l":
		return contentLengthField
	case "content-type", "c":
		return contentTypeField
	case "expires":
		return expiresField
	case "date":
		return dateField
	}
	return otherField
}

// A field is one header field as it stands in a message, unfolded.
type field struct {
	kind  fieldKind
	value []byte
}

// A rawMessage is a message cut into its parts, nothing of it judged but that
// the parts are there.
type rawMessage struct {
	start  []byte
	fields []field
	body   []byte
}

// A Fault is why a message does not go on to the parser: a status to answer and
// the reason beside it. The zero Fault is none; a Fault without status means that
// the message vanishes.
type Fault struct {
	Status int
	Reason string
}

var vanish = Fault{Reason: "no answer"}

func bad(reason string) Fault { return Fault{400, reason} }

// cut cuts raw, a datagram or one frame of a stream, into its parts. The fields
// are kept in buf while they fit. With a Fault it still returns what it
// understood, so that an answer can be made of it.
func cut(raw []byte, buf []field) (m rawMessage, f Fault) {
	m.fields = buf[:0]
	line, rest, ok := nextLine(raw)
	if !ok {
		return m, vanish
	}
	m.start = line
	folds := 0
	for {
		line, rest, ok = nextLine(rest)
		if !ok {
			return m, bad("Header Section Does Not End")
		}
		if len(line) == 0 {
			m.body = rest
			return m, f
		}
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') { // folded
			if folds++; folds > maxFields { // each copies the line so far
				return m, bad("Too Many Folded Lines")
			}
			var more []byte
			if more, rest, ok = nextLine(rest); !ok {
				return m, bad("Header Section Does Not End")
			}
			line = bytes.TrimRight(line, " \t")
			line = append(line[:len(line):len(line)], ' ') // the capacity is cut: raw is not ours to change
			line = append(line, bytes.Trim(more, " \t")...)
		}
		colon := bytes.IndexByte(line, ':')
		switch {
		case colon < 0 || !IsToken(bytes.TrimRight(line[:colon], " \t")):
			f = bad("Malformed Header Field")
		case len(m.fields) == maxFields:
			f = bad("Too Many Header Fields")
		default:
			name := bytes.TrimRight(line[:colon], " \t")
			m.fields = append(m.fields, field{kindOf(name), bytes.Trim(line[colon+1:], " \t")})
		}
	}
}

// nextLine returns the line before the next CRLF and what follows it.
func nextLine(b []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '\r')
	if i < 0 || i+1 >= len(b) || b[i+1] != '\n' {
		return nil, nil, false
	}
	return b[:i], b[i+2:], true
}

// Refusal builds the stateless response to raw (RFC 3261 §8.2.7), or nil where
// none may be sent: to a response, an ACK, or what shows no way back. The tag
// makes it a well-formed final response.
func Refusal(raw []byte, f Fault) []byte {
	var buf [48]field
	m, _ := cut(raw, buf[:]) // whatever was understood before the fault
	if f.Status == 0 || IsStatusLine(m.start) || bytes.HasPrefix(m.start, []byte("ACK ")) {
		return nil
	}
	var out bytes.Buffer
	out.WriteString("SIP/2.0 " + strconv.Itoa(f.Status) + " " + f.Reason + "\r\n")
	var seen [fieldKinds]bool
	for _, h := range m.fields {
		if h.kind != viaField && seen[h.kind] {
			continue
		}
		switch h.kind {
		case viaField:
			out.WriteString("Via: ")
			out.Write(h.value)
		case fromField:
			out.WriteString("From: ")
			out.Write(h.value)
		case toField:
			out.WriteString("To: ")
			out.Write(h.value)
			if !bytes.Contains(h.value, []byte("tag")) {
				out.WriteString(";tag=refused")
			}
		case callIDField:
			out.WriteString("Call-ID: ")
			out.Write(h.value)
		case cseqField:
			out.WriteString("CSeq: ")
			out.Write(h.value)
		default:
			continue
		}
		seen[h.kind] = true
		out.WriteString("\r\n")
	}
	if !seen[viaField] {
		return nil
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.Bytes()
}
