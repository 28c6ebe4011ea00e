package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limits of a description from outside.
const (
	maxBytes  = 16 << 10
	maxMedia  = 16
	maxCodecs = 64
)

// ErrSyntax is what Parse's errors wrap.
var ErrSyntax = errors.New("malformed session description")

// Parse reads a session description. Lines may end in CRLF, LF or CR; unknown
// lines and attributes are passed over; of a payload type mapped twice the first
// mapping counts. The error wraps ErrSyntax where there is no v=0, no m= line, or
// a line that must be understood is not.
func Parse(b []byte) (*Session, error) {
	if len(b) > maxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrSyntax, maxBytes)
	}
	p := parser{s: &Session{}}
	for line := range strings.FieldsFuncSeq(string(b), func(r rune) bool { return r == '\r' || r == '\n' || r == 0 }) {
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	if !p.version || len(p.s.Media) == 0 {
		return nil, fmt.Errorf("%w: no version or no media", ErrSyntax)
	}
	p.finish()
	return p.s, nil
}

// A parser holds what the session level said until the last line is read.
type parser struct {
	s         *Session
	version   bool
	addr      netip.Addr
	direction Direction
	ptime     time.Duration
	cryptos   []Crypto
	own       []bool             // which media have a connection of their own
	maps      []map[uint8]Codec  // rtpmaps of each media
	fmtps     []map[uint8]string // fmtps of each media
}

func (p *parser) line(line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	if len(line) < 2 || line[1] != '=' {
		return fmt.Errorf("%w: line %.20q", ErrSyntax, line)
	}
	value := strings.TrimSpace(line[2:])
	if !p.version {
		if line[0] != 'v' || value != "0" {
			return fmt.Errorf("%w: it begins with %.20q", ErrSyntax, line)
		}
		p.version = true
		return nil
	}
	switch line[0] {
	case 'c':
		return p.connection(value)
	case 'm':
		return p.media(value)
	case 'a':
		return p.attribute(value)
	}
	return nil
}

// last is the media line that is being read, nil at session level.
func (p *parser) last() *Media {
	if n := len(p.s.Media); n > 0 {
		return &p.s.Media[n-1]
	}
	return nil
}

// connection reads c=IN IP4 address[/ttl]. A host name is left unresolved, which
// makes the media line unusable and is no error of the description.
func (p *parser) connection(v string) error {
	f := strings.Fields(v)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return fmt.Errorf("%w: connection %.40q", ErrSyntax, v)
	}
	host, _, _ := strings.Cut(f[2], "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		addr = netip.Addr{}
	}
	if m := p.last(); m != nil {
		m.Addr = addr.Unmap()
		p.own[len(p.own)-1] = true
	} else {
		p.addr = addr.Unmap()
	}
	return nil
}

// media reads m=kind port[/count] proto format….
func (p *parser) media(v string) error {
	f := strings.Fields(v)
	if len(f) < 4 || len(p.s.Media) == maxMedia || len(f)-3 > maxCodecs {
		return fmt.Errorf("%w: media %.40q", ErrSyntax, v)
	}
	portText, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: port %.20q", ErrSyntax, f[1])
	}
	p.s.Media = append(p.s.Media, Media{Kind: f[0], Port: int(port), Proto: f[2], Formats: f[3:]})
	p.own = append(p.own, false)
	p.maps = append(p.maps, nil)
	p.fmtps = append(p.fmtps, nil)
	return nil
}

func (p *parser) attribute(v string) error {
	name, value, _ := strings.Cut(v, ":")
	m := p.last()
	switch name {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		if m != nil {
			m.Direction = Direction(name)
		} else {
			p.direction = Direction(name)
		}
	case "ptime":
		ms, err := strconv.ParseFloat(value, 64)
		if err != nil || !(ms >= 1 && ms <= 200) {
			return nil // a wish that we cannot read is no wish
		}
		if d := time.Duration(ms * float64(time.Millisecond)); m != nil {
			m.Ptime = d
		} else {
			p.ptime = d
		}
	case "crypto":
		c, ok := parseCrypto(value)
		switch {
		case !ok:
		case m != nil && len(m.Cryptos) < maxMedia:
			m.Cryptos = append(m.Cryptos, c)
		case m == nil && len(p.cryptos) < maxMedia:
			p.cryptos = append(p.cryptos, c)
		}
	case "rtpmap":
		if m != nil && m.isRTP() {
			return p.rtpmap(value)
		}
	case "fmtp":
		if m != nil && m.isRTP() {
			p.fmtp(value)
		}
	}
	return nil
}

// rtpmap reads a=rtpmap:type name/clock[/channels].
func (p *parser) rtpmap(v string) error {
	number, enc, ok := strings.Cut(v, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	f := strings.Split(strings.TrimSpace(enc), "/")
	if !ok || err != nil || len(f) < 2 || f[0] == "" {
		return fmt.Errorf("%w: rtpmap %.40q", ErrSyntax, v)
	}
	clock, err := strconv.ParseUint(strings.TrimSpace(f[1]), 10, 20)
	if err != nil || clock == 0 {
		return fmt.Errorf("%w: clock rate in %.40q", ErrSyntax, v)
	}
	c := Codec{Name: f[0], Clock: int(clock), Channels: 1, PayloadType: uint8(pt)}
	if len(f) > 2 {
		if n, err := strconv.ParseUint(strings.TrimSpace(f[2]), 10, 4); err == nil && n > 0 {
			c.Channels = int(n)
		}
	}
	i := len(p.maps) - 1
	if p.maps[i] == nil {
		p.maps[i] = map[uint8]Codec{}
	}
	if _, twice := p.maps[i][c.PayloadType]; !twice {
		p.maps[i][c.PayloadType] = c
	}
	return nil
}

// fmtp reads a=fmtp:type parameters; one that makes no sense is passed over.
func (p *parser) fmtp(v string) {
	number, params, _ := strings.Cut(v, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return
	}
	i := len(p.fmtps) - 1
	if p.fmtps[i] == nil {
		p.fmtps[i] = map[uint8]string{}
	}
	if _, twice := p.fmtps[i][uint8(pt)]; !twice {
		p.fmtps[i][uint8(pt)] = strings.TrimSpace(params)
	}
}

// finish hands the session level down and joins formats, maps and parameters.
func (p *parser) finish() {
	for i := range p.s.Media {
		m := &p.s.Media[i]
		if !p.own[i] {
			m.Addr = p.addr
		}
		if m.Direction == "" {
			m.Direction = p.direction
		}
		if m.Direction == "" {
			m.Direction = SendRecv
		}
		if m.Ptime == 0 {
			m.Ptime = p.ptime
		}
		if len(m.Cryptos) == 0 {
			m.Cryptos = p.cryptos
		}
		if m.isRTP() {
			m.Codecs = codecs(m.Formats, p.maps[i], p.fmtps[i])
		}
	}
}

// codecs returns the formats that are known, each once.
func codecs(formats []string, maps map[uint8]Codec, fmtps map[uint8]string) []Codec {
	var out []Codec
	var seen [128]bool
	for _, f := range formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if err != nil || seen[n] {
			continue
		}
		seen[n] = true
		c, ok := maps[uint8(n)]
		if !ok {
			if c, ok = static[uint8(n)]; !ok {
				continue
			}
		}
		c.Fmtp = fmtps[uint8(n)]
		out = append(out, c)
	}
	return out
}
