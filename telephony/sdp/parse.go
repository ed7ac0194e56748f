package sdp

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of Parse. An honest offer is a tenth of either.
const (
	MaxBytes = 64 << 10
	MaxLines = 200
	MaxMedia = 32 // m= lines; each one costs a line in the answer
)

// Parse reads a description. It accepts what trunks really send: missing s= and t=,
// bare LF, no final newline, attributes anywhere, unknown line types, any media
// type. It returns ErrTooLarge or a *SyntaxError, and never a half-read session.
func Parse(body []byte) (*Session, error) {
	if len(body) > MaxBytes {
		return nil, ErrTooLarge
	}
	p := parser{session: &Session{}}
	for rest, more := body, true; more; {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte("\n"))
		p.line++
		if p.line > MaxLines {
			return nil, ErrTooLarge
		}
		if err := p.read(strings.TrimRight(string(line), "\r \t")); err != nil {
			return nil, err
		}
	}
	p.finish()
	return p.session, nil
}

// parser is the scanner's state: session-level values seen so far, which become the
// defaults of every stream at the end.
type parser struct {
	session   *Session
	line      int
	host      string    // c= before the first m=
	direction Direction // a=sendonly and friends before the first m=
	ptime     time.Duration
	maxptime  time.Duration
	streams   []stream
}

// stream collects one m= section until its payload types can be resolved.
type stream struct {
	Media
	hasDirection bool
	rtpmap       map[int]string
	fmtp         map[int]string
}

func (p *parser) read(line string) error {
	if len(line) < 2 || line[1] != '=' {
		return nil
	}
	value := line[2:]
	switch line[0] {
	case 'o':
		p.origin(value)
	case 'c':
		p.connection(value)
	case 'm':
		return p.media(value)
	case 'a':
		p.attribute(value)
	}
	return nil
}

// current is the stream that attributes now belong to, nil at session level.
func (p *parser) current() *stream {
	if len(p.streams) == 0 {
		return nil
	}
	return &p.streams[len(p.streams)-1]
}

func (p *parser) origin(value string) {
	f := strings.Fields(value)
	if len(f) < 6 {
		return
	}
	p.session.Origin = Origin{Username: f[0], SessionID: f[1], Version: f[2], Address: f[5]}
}

// connection reads "IN IP4 224.2.36.42/127"; the part after the slash is a TTL.
func (p *parser) connection(value string) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return
	}
	host, _, _ := strings.Cut(f[2], "/")
	if s := p.current(); s != nil {
		s.Host = host
		return
	}
	p.host = host
}

// media reads "audio 49170/2 RTP/AVP 0 8". Its words are echoed in answers, so
// anything but plain tokens is refused here.
func (p *parser) media(value string) error {
	if len(p.streams) == MaxMedia {
		return ErrTooLarge
	}
	f := strings.Fields(value)
	if len(f) < 3 {
		return &SyntaxError{p.line, "m= needs media, port and transport"}
	}
	for _, word := range f {
		if !printable(word) {
			return &SyntaxError{p.line, "m= holds characters that are not allowed"}
		}
	}
	number, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return &SyntaxError{p.line, "m= port is not a number from 0 to 65535"}
	}
	p.streams = append(p.streams, stream{
		Media: Media{Type: f[0], Port: int(port), Proto: f[2], Formats: f[3:]},
	})
	return nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func (p *parser) attribute(value string) {
	name, arg, _ := strings.Cut(value, ":")
	name, arg = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(arg)
	if d, ok := parseDirection(name); ok {
		p.setDirection(d)
		return
	}
	switch name {
	case "ptime":
		p.setPTime(arg, &p.ptime, func(m *Media) *time.Duration { return &m.PTime })
	case "maxptime":
		p.setPTime(arg, &p.maxptime, func(m *Media) *time.Duration { return &m.MaxPTime })
	case "rtpmap":
		if s := p.current(); s != nil {
			remember(&s.rtpmap, arg)
		}
	case "fmtp":
		if s := p.current(); s != nil {
			remember(&s.fmtp, arg)
		}
	case "crypto":
		if s := p.current(); s != nil { // never at session level (RFC 4568 §5)
			s.crypto(arg)
		}
	case "rtcp-mux":
		if s := p.current(); s != nil {
			s.RTCPMux = true
		}
	case "rtcp":
		if s := p.current(); s != nil {
			s.RTCPPort, s.RTCPAddr = parseRTCP(arg)
		}
	}
}

func (p *parser) setDirection(d Direction) {
	if s := p.current(); s != nil {
		s.Direction, s.hasDirection = d, true
		return
	}
	p.direction = d
}

func (p *parser) setPTime(arg string, session *time.Duration, field func(*Media) *time.Duration) {
	end := 0
	for end < len(arg) && arg[end] >= '0' && arg[end] <= '9' {
		end++ // some peers send "20.0" or "20 ms"
	}
	ms, err := strconv.ParseUint(arg[:end], 10, 16)
	if err != nil {
		return
	}
	d := time.Duration(ms) * time.Millisecond
	if s := p.current(); s != nil {
		*field(&s.Media) = d
		return
	}
	*session = d
}

// remember stores "101 telephone-event/8000" under 101. The first mapping wins.
func remember(m *map[int]string, arg string) {
	number, value, ok := strings.Cut(arg, " ")
	pt, err := strconv.Atoi(number)
	if !ok || err != nil || pt < 0 || pt > 127 {
		return
	}
	if *m == nil {
		*m = make(map[int]string)
	}
	if _, seen := (*m)[pt]; !seen {
		(*m)[pt] = strings.TrimSpace(value)
	}
}

// crypto keeps a key that could be used. Of two under one tag the first counts: an answer
// could not tell them apart.
func (s *stream) crypto(arg string) {
	s.cryptoLines++
	c, ok := parseCrypto(arg)
	if ok && !slices.ContainsFunc(s.Crypto, func(other Crypto) bool { return other.Tag == c.Tag }) {
		s.Crypto = append(s.Crypto, c)
	}
}

// finish hands session-level values down and resolves payload types.
func (p *parser) finish() {
	for i := range p.streams {
		s := &p.streams[i]
		if s.Host == "" {
			s.Host = p.host
		}
		if a, err := netip.ParseAddr(s.Host); err == nil && a.Zone() == "" {
			s.Addr = a.Unmap()
		}
		if !s.hasDirection {
			s.Direction = p.direction
		}
		if s.PTime == 0 {
			s.PTime = p.ptime
		}
		if s.MaxPTime == 0 {
			s.MaxPTime = p.maxptime
		}
		s.resolve()
		p.session.Media = append(p.session.Media, s.Media)
	}
}

// resolve turns the format list into codecs, with the static meanings of 0 and 8
// (RFC 3551 §6) where no rtpmap was given.
func (s *stream) resolve() {
	for _, format := range s.Formats {
		pt, err := strconv.Atoi(format)
		if err != nil || pt < 0 || pt > 127 {
			continue
		}
		mapping, ok := s.rtpmap[pt]
		switch {
		case ok:
		case pt == 0:
			mapping = "pcmu/8000"
		case pt == 8:
			mapping = "pcma/8000"
		}
		c := parseMapping(mapping)
		c.PayloadType, c.Fmtp = pt, s.fmtp[pt]
		s.Codecs = append(s.Codecs, c)
	}
}

// parseMapping reads "PCMU/8000" and "PCMU/8000/1".
func parseMapping(mapping string) Codec {
	name, rest, _ := strings.Cut(mapping, "/")
	clock, channels, ok := strings.Cut(rest, "/")
	c := Codec{Name: strings.ToLower(strings.TrimSpace(name)), Channels: 1}
	c.Clock, _ = strconv.Atoi(strings.TrimSpace(clock))
	if ok {
		c.Channels, _ = strconv.Atoi(strings.TrimSpace(channels))
	}
	return c
}
