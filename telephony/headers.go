package telephony

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trunkline/trunkline/telephony/sipua"
)

const (
	maxHeaders     = 16  // of CallInfo.Headers
	maxHeaderBytes = 256 // of one value there
)

// pickHeaders returns the headers of an INVITE that a trunk's list names; of one that is
// repeated, the first. User-to-User is decoded.
func pickHeaders(r *sipua.Request, list []string) map[string]string {
	if len(list) == 0 {
		return nil
	}
	picked := make(map[string]string)
	for _, name := range list {
		if values := r.Headers(name); len(values) > 0 && len(picked) < maxHeaders {
			text := values[0]
			if strings.EqualFold(name, "User-to-User") {
				text = userToUser(text)
			}
			picked[name] = headerText(text)
		}
	}
	return picked
}

// headerText makes a value fit to be shown and to be read by a model: one line, valid,
// short.
func headerText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	for len(s) > maxHeaderBytes {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// hiddenHeaders may not be listed: they name the caller who may wish to be unnamed
// (CallInfo.Caller respects that), or carry credentials. Compact forms count too.
var hiddenHeaders = map[string]string{
	"from": "names the caller, see CallInfo.Caller", "f": "names the caller, see CallInfo.Caller",
	"to": "names the dialled number, see CallInfo.Dialled", "t": "names the dialled number, see CallInfo.Dialled",
	"authorization": "carries credentials", "proxy-authorization": "carries credentials",
}

// checkHeader says what is wrong with a name on the list, "" if nothing is.
func checkHeader(name string) string {
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") != "" {
		return "is no header name"
	}
	return hiddenHeaders[strings.ToLower(name)]
}
