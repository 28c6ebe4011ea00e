package sipguard

import "bytes"

// Check judges one raw message, a datagram or a frame of a stream, by RFC 3261
// §7, §8.2 and the cases of RFC 4475. The zero Fault means that it may go on to
// the parser.
func Check(raw []byte, stream bool) Fault {
	if len(raw) > MaxMessage {
		return Fault{513, "Message Too Large"}
	}
	var buf [48]field
	m, f := cut(raw, buf[:])
	if f != (Fault{}) {
		return f
	}
	if len(raw)-len(m.body) > MaxHeader {
		return Fault{513, "Message Too Large"}
	}
	if IsStatusLine(m.start) {
		if !validStatusLine(m.start) || m.checkFields("", stream) != (Fault{}) {
			return vanish // nobody answers a response
		}
		return Fault{}
	}
	method, f := checkRequestLine(m.start)
	if f != (Fault{}) {
		return f
	}
	return m.checkFields(method, stream)
}

func validStatusLine(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("SIP/2.0 ")) || len(line) < 12 || line[11] != ' ' || !isClean(line) {
		return false
	}
	n, ok := number(line[8:11])
	return ok && n >= 100 && n < 700
}

// checkRequestLine returns the method of a request line.
func checkRequestLine(line []byte) (string, Fault) {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	uri, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || !IsToken(method) || bytes.IndexByte(version, ' ') >= 0 || !isClean(line) {
		return "", bad("Malformed Request-Line")
	}
	if len(version) < 7 || !bytes.EqualFold(version[:4], []byte("SIP/")) {
		return "", vanish // some other protocol
	}
	if !bytes.EqualFold(version, []byte("SIP/2.0")) {
		return "", Fault{505, "Version Not Supported"}
	}
	if bytes.ContainsFunc(method, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
		return "", Fault{501, "Not Implemented"} // methods have case, and those that we know are upper
	}
	s, sip := scheme(uri)
	switch {
	case s == "" || bytes.ContainsAny(uri, "<>\""):
		return "", bad("Malformed Request-URI")
	case s != "sip" && s != "sips":
		return "", Fault{416, "Unsupported URI Scheme"}
	case !validSIP(sip, false):
		return "", bad("Malformed Request-URI")
	}
	return string(method), Fault{}
}

// checkFields judges the header fields of a request, or of a response where
// method is empty.
func (m *rawMessage) checkFields(method string, stream bool) Fault {
	var count [fieldKinds]int
	length := -1
	for _, h := range m.fields {
		count[h.kind]++
		if !isClean(h.value) {
			return bad("Control Character in Header Field")
		}
		if f := h.check(method, &length); f != (Fault{}) {
			return f
		}
	}
	for _, k := range []fieldKind{fromField, toField, callIDField, cseqField} {
		if count[k] != 1 {
			return bad("Mandatory Header Field Missing or Repeated")
		}
	}
	switch {
	case count[viaField] == 0:
		return bad("Via Missing")
	case count[maxForwardsField] > 1 || count[contentLengthField] > 1 || count[contentTypeField] > 1 || count[expiresField] > 1 || count[dateField] > 1:
		return bad("Header Field Repeated")
	case method == "INVITE" && count[contactField] != 1:
		return bad("INVITE Needs One Contact")
	case stream && length < 0:
		return bad("Content-Length Missing")
	case length > len(m.body):
		return bad("Body Shorter Than Content-Length")
	}
	return Fault{}
}

// check judges one header field; a Content-Length is put into length.
func (h field) check(method string, length *int) Fault {
	ok := true
	switch h.kind {
	case viaField:
		ok = validVia(h.value)
	case fromField, toField:
		ok = ValidAddress(h.value)
	case contactField:
		ok = method == "REGISTER" && string(h.value) == "*" || EachAddress(h.value, ValidAddress)
	case routeField:
		ok = EachAddress(h.value, ValidAddress)
	case callIDField:
		ok = len(h.value) > 0 && len(h.value) <= 256 && !bytes.ContainsAny(h.value, " \t")
	case cseqField:
		ok = validCSeq(h.value, method)
	case contentTypeField:
		ok = len(h.value) > 0
	case maxForwardsField:
		n, isNumber := number(h.value)
		ok = isNumber && n <= 255
	case expiresField:
		n, isNumber := number(h.value)
		ok = isNumber && n < 1<<32
	case dateField:
		ok = bytes.HasSuffix(h.value, []byte(" GMT"))
	case contentLengthField:
		n, isNumber := number(h.value)
		if ok = isNumber && n <= MaxMessage; ok {
			*length = int(n)
		}
	}
	if !ok {
		return bad(faults[h.kind])
	}
	return Fault{}
}

// faults holds the reason phrase for a field that is wrong.
var faults = [fieldKinds]string{
	viaField:           "Malformed Via",
	fromField:          "Malformed From",
	toField:            "Malformed To",
	callIDField:        "Malformed Call-ID",
	cseqField:          "Malformed CSeq",
	contactField:       "Malformed Contact",
	routeField:         "Malformed Address",
	maxForwardsField:   "Malformed Max-Forwards",
	contentLengthField: "Malformed Content-Length",
	contentTypeField:   "Malformed Content-Type",
	expiresField:       "Malformed Expires",
	dateField:          "Malformed Date",
}

// validCSeq reports whether v is a number below 2^31 and a method, the request's
// own where there is one.
func validCSeq(v []byte, method string) bool {
	i := bytes.IndexAny(v, " \t")
	if i < 0 {
		return false
	}
	n, ok := number(v[:i])
	m := v[i+1:]
	return ok && n < 1<<31 && IsToken(m) && (method == "" || string(m) == method)
}

// validVia reports whether v is a list of SIP/2.0/transport sent-by;params, and no
// branch is the bare magic cookie, which identifies nothing.
func validVia(v []byte) bool {
	return EachAddress(v, func(b []byte) bool {
		protocol, rest, ok := bytes.Cut(b, []byte("/"))
		version, rest, ok2 := bytes.Cut(rest, []byte("/"))
		rest = bytes.TrimLeft(rest, " \t")
		i := bytes.IndexAny(rest, " \t")
		if !ok || !ok2 || i < 0 || !IsToken(bytes.TrimSpace(protocol)) || !IsToken(bytes.TrimSpace(version)) || !IsToken(rest[:i]) {
			return false
		}
		by, params := bytes.TrimSpace(rest[i:]), []byte(nil)
		if i := bytes.IndexByte(by, ';'); i >= 0 {
			by, params = bytes.TrimRight(by[:i], " \t"), by[i:]
		}
		if !validHost(by) || !validParams(params) {
			return false
		}
		_, branch, has := bytes.Cut(params, []byte("branch="))
		if !has {
			return true
		}
		branch, _, _ = bytes.Cut(branch, []byte(";"))
		return string(bytes.TrimSpace(branch)) != "z9hG4bK"
	})
}
