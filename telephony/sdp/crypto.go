package sdp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Crypto is one a=crypto line that we could use (RFC 4568 §9.1):
//
//	a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19z…MnpV|2^20|1:4 UNENCRYPTED_SRTP
//	         │ └ suite                        └ key‖salt     │    │   └ session parameters
//	         └ tag                                  lifetime ┘    └ MKI
type Crypto struct {
	Tag   int // 0–999999999
	Suite Suite
	Key   Key // for what the sender of the line sends
}

// SRTP is what both sides agreed on; the zero value is plain RTP.
type SRTP struct {
	Suite         Suite
	Tag           int // of the line in the offer, whoever made it
	Send, Receive Key // ours and theirs
}

// maxLifetime is the exponent of the longest life of a key, in packets (RFC 3711 §9.2).
const maxLifetime = 48

// parseCrypto reads the value of an a=crypto line. Lines that ask for more than we do are
// passed over, as the answerer may: the peer has better ones or hears a refusal.
//
//   - a suite that we do not know, or a key of the wrong length;
//   - an MKI, or several keys, which need one: packets would have to name their key, and
//     some carriers forbid it;
//   - session parameters that change what packets look like, and those nobody knows, but
//     for those with a hyphen, which may be passed over themselves (RFC 4568 §6.3).
func parseCrypto(value string) (Crypto, bool) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Crypto{}, false
	}
	tag, err := strconv.ParseUint(f[0], 10, 32)
	suite, known := parseSuite(f[1])
	if err != nil || len(f[0]) > 9 || !known {
		return Crypto{}, false
	}
	key, ok := parseInline(f[2], suite)
	if !ok || slices.ContainsFunc(f[3:], changesPackets) {
		return Crypto{}, false
	}
	return Crypto{Tag: int(tag), Suite: suite, Key: key}, true
}

// parseInline reads "inline:KEY", "inline:KEY|2^20" and "inline:KEY|1048576".
func parseInline(param string, suite Suite) (Key, bool) {
	method, rest, _ := strings.Cut(param, ":")
	if !strings.EqualFold(method, "inline") || strings.Contains(rest, ";") {
		return Key{}, false
	}
	text, lifetime, limited := strings.Cut(rest, "|")
	if limited && !isLifetime(lifetime) {
		return Key{}, false
	}
	// Some peers leave the padding out.
	material, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(material) != suite.keyLen() {
		return Key{}, false
	}
	return NewKey(material), true
}

// isLifetime reports whether s is a number of packets that a key may encrypt. It binds
// who sends, and no call is long enough for those that are seen: 2^20 packets of 20 ms
// are five hours, and then the peer renews its key.
func isLifetime(s string) bool {
	if exponent, power := strings.CutPrefix(s, "2^"); power {
		n, err := strconv.ParseUint(exponent, 10, 8)
		return err == nil && n <= maxLifetime
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && n <= 1<<maxLifetime
}

// changesPackets reports whether a session parameter is one that we cannot meet. The
// hint for the size of the replay window is one that asks nothing of us.
func changesPackets(param string) bool {
	return !strings.HasPrefix(param, "-") && !strings.HasPrefix(strings.ToUpper(param), "WSH=")
}

// secure reports whether a stream is of the profile that knows no plain packets.
func (m *Media) secure() bool { return strings.EqualFold(m.Proto, "RTP/SAVP") }

// protect decides about the encryption of an offered stream: its own order counts.
func (m *Media) protect(local Local) (SRTP, error) {
	if local.SRTP == Off {
		if m.secure() {
			return SRTP{}, ErrTransport
		}
		return SRTP{}, nil
	}
	for _, c := range m.Crypto {
		if slices.Contains(local.suites(allSuites), c.Suite) {
			return SRTP{Suite: c.Suite, Tag: c.Tag, Send: local.Keys.Key(c.Suite), Receive: c.Key}, nil
		}
	}
	switch {
	case m.secure() || local.SRTP == Required && m.cryptoLines > 0:
		return SRTP{}, ErrCrypto
	case local.SRTP == Required:
		return SRTP{}, ErrPlain
	}
	return SRTP{}, nil
}

// agreed reads the encryption of an answered stream that is usable: one of the lines that
// we offered. A line that is none of them leaves two ends that do not understand each other.
func (m *Media) agreed(offered []Crypto) (SRTP, error) {
	for _, c := range m.Crypto {
		for _, ours := range offered {
			if c.Tag == ours.Tag && c.Suite == ours.Suite {
				return SRTP{Suite: c.Suite, Tag: c.Tag, Send: ours.Key, Receive: c.Key}, nil
			}
		}
	}
	if m.secure() || m.cryptoLines > 0 && len(offered) > 0 {
		return SRTP{}, ErrCrypto
	}
	return SRTP{}, nil
}

// offered are the lines of Offer, with tags from 1.
func (l Local) offered() (lines []Crypto) {
	for i, s := range l.suites(offeredSuites) {
		lines = append(lines, Crypto{Tag: i + 1, Suite: s, Key: l.Keys.Key(s)})
	}
	return lines
}

// line is our side of an agreement; none for plain RTP.
func (s SRTP) line() []Crypto {
	if s.Suite == "" {
		return nil
	}
	return []Crypto{{Tag: s.Tag, Suite: s.Suite, Key: s.Send}}
}

func writeCrypto(b *bytes.Buffer, lines []Crypto) {
	for _, c := range lines {
		fmt.Fprintf(b, "a=crypto:%d %s inline:%s\r\n", c.Tag, c.Suite, c.Key.inline())
	}
}
