package telephony

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// userToUser decodes the value of a User-to-User header (RFC 7433 §4.1):
//
//	043132333435;encoding=hex;purpose=isdn-uui     12345
//	"order 17";encoding=ascii                      order 17
//	    └ a leading 04 is the protocol discriminator of ISDN for IA5 text (ITU-T Q.931)
//
// What is no text, or says nothing of its encoding, stays as it was written.
func userToUser(s string) string {
	data, params := cutOutside(s, ';')
	data = strings.TrimSpace(data)
	text := unquote(data)
	if encoding, _ := param(params, "encoding"); strings.EqualFold(encoding, "hex") {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) == 0 {
			return s
		}
		if raw[0] == 0x04 {
			raw = raw[1:]
		}
		return textOr(string(raw), s)
	} else if encoding == "" && text == data {
		return s
	}
	return textOr(text, s)
}

// textOr is text if it can be shown, else def.
func textOr(text, def string) string {
	if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return def
	}
	return text
}
