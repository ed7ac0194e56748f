package sipua

import "bytes"

// kind is what a message looks like before it is parsed.
type kind uint8

const (
	broken kind = iota // nothing that could be served
	fresh              // may start a call or another transaction
	known              // a response, or a request that names a call or a transaction in progress
)

// sniff looks at a raw message, once over its header lines. It is a guess for deciding
// what to drop first, so it need not be right about odd messages; but what a screened
// parser would accept is never broken.
func sniff(data []byte) kind {
	data = bytes.TrimLeft(data, "\r\n")
	line, rest := nextLine(data)
	if len(data) == 0 || hasPrefixFold(line, "SIP/") {
		return known // a keep-alive costs nothing
	}
	method, _, _ := bytes.Cut(line, []byte(" "))
	if fields := bytes.Fields(line); len(fields) < 3 || !bytes.EqualFold(fields[len(fields)-1], []byte("SIP/2.0")) {
		return broken
	}
	var s sniffed
	for {
		line, rest = nextLine(rest)
		if len(line) == 0 {
			break
		}
		s.note(line, method)
	}
	switch {
	case s.seen != sawAll:
		return broken
	case s.toTag, bytes.Equal(method, []byte("ACK")), bytes.Equal(method, []byte("CANCEL")):
		return known
	}
	return fresh
}

// sniffed is what the header lines showed so far.
type sniffed struct {
	header byte // the header that a folded line goes on with, 0 for one that does not matter
	seen   uint8
	toTag  bool
}

// What a good request must have, as bits of seen.
const (
	sawVia = 1 << iota
	sawFromTag
	sawTo
	sawCallID
	sawCSeq // with the method of the request
	sawAll  = 1<<iota - 1
)

// note reads one header line, or the continuation of one (RFC 3261 §7.3.1).
func (s *sniffed) note(line, method []byte) {
	value := line
	if line[0] != ' ' && line[0] != '\t' {
		name, after, _ := bytes.Cut(line, []byte(":"))
		s.header, value = headerLetter(bytes.TrimSpace(name)), after
	}
	switch s.header {
	case 'v':
		s.seen |= sawVia
	case 'i':
		s.seen |= sawCallID
	case 't':
		s.seen |= sawTo
		s.toTag = s.toTag || containsFold(value, ";tag")
	case 'f':
		if containsFold(value, "tag") {
			s.seen |= sawFromTag
		}
	case 'c':
		if bytes.Contains(value, method) {
			s.seen |= sawCSeq
		}
	}
}

// headerLetter is the compact form of the headers that matter; CSeq, which has none,
// gets a c.
func headerLetter(name []byte) byte {
	for _, h := range [...]struct {
		long   string
		letter byte
	}{{"via", 'v'}, {"from", 'f'}, {"to", 't'}, {"call-id", 'i'}, {"cseq", 'c'}} {
		if len(name) == len(h.long) && hasPrefixFold(name, h.long) {
			return h.letter
		}
	}
	if len(name) == 1 {
		switch letter := name[0] | 0x20; letter {
		case 'v', 'f', 't', 'i':
			return letter
		}
	}
	return 0
}

// nextLine cuts off a line; its end is not part of it.
func nextLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

// containsFold looks for what begins with a letter or semicolon, in any case.
func containsFold(b []byte, what string) bool {
	for len(b) >= len(what) {
		if hasPrefixFold(b, what) {
			return true
		}
		b = b[1:]
	}
	return false
}
