package sipua

import (
	"strings"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"
)

const (
	maxTarget = 255 // bytes of a URI to transfer to
	maxReason = 128 // bytes of a peer's text that are kept
)

// IsTarget reports whether uri may stand in Refer-To: a sip, sips or tel URI without
// anything that could end the header or reach into the request that the peer will make
// of it (headers behind a question mark, another method).
func IsTarget(uri string) bool {
	if len(uri) > maxTarget || strings.ContainsAny(uri, "<>\"\\^`{|}?") {
		return false
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] >= 0x7f {
			return false
		}
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "tel":
		number, _, _ := strings.Cut(rest, ";")
		return number != "" && strings.Trim(number, "+0123456789*#-.()") == ""
	case "sip", "sips":
		var parsed sip.Uri
		return sip.ParseUri(uri, &parsed) == nil && parsed.Host != "" && !parsed.UriParams.Has("method") && len(parsed.Headers) == 0
	}
	return false
}

// presentable makes a peer's text fit to be shown and logged: one line, valid, short.
func presentable(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(clean(s), "\uFFFD"))
	for len(s) > maxReason {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// NumberURI is the address of a telephone number at a server, a sip URI: its user part
// is replaced, its parameters stay.
func NumberURI(number, server string) (string, error) {
	var uri sip.Uri
	if !IsTarget(server) || sip.ParseUri(server, &uri) != nil || uri.Scheme != "sip" {
		return "", ErrTarget
	}
	uri.User = strings.ReplaceAll(number, "#", "%23")
	return uri.String(), nil
}
