package configs

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// TimeZone is a name of the IANA database, such as Europe/Berlin. The zero value is UTC.
type TimeZone string

// Location is the zone for package time; UTC for one that was not checked and is unknown.
func (z TimeZone) Location() *time.Location {
	loc, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC
	}
	return loc
}

// UnmarshalText looks the zone up. Empty is allowed.
func (z *TimeZone) UnmarshalText(text []byte) error {
	if _, err := time.LoadLocation(string(text)); err != nil {
		return wrong{want: "must be a time zone such as Europe/Berlin, America/New_York or UTC"}
	}
	*z = TimeZone(text)
	return nil
}

// Clip is a WAV file (PCM of 8 or 16 bits, or G.711) of at most a minute, seen from the directory of the configuration
// file. Load puts the path in its place by which it can be opened from the working directory.
type Clip string

// Document is an OpenAPI document: an http:// or https:// address, or a file seen from the directory of the configuration
// file. Load puts the path in its place by which the file can be opened from the working directory.
type Document string

// Remote reports a document that is fetched.
func (d Document) Remote() bool {
	return strings.HasPrefix(string(d), "https://") || strings.HasPrefix(string(d), "http://")
}

// HeaderName is the name of a SIP header that prompts may hold. It has letters, digits and . _ -, as variables have.
type HeaderName string

// UnmarshalText checks the form and refuses what belongs to the signalling: a prompt has no business with it.
func (h *HeaderName) UnmarshalText(text []byte) error {
	if !validName(string(text)) {
		return wrong{want: "must be the name of a SIP header, such as X-Customer-Id"}
	}
	if len(text) == 1 || slices.Contains(signalling, http.CanonicalHeaderKey(string(text))) {
		return wrong{want: "must be a header that says something of the caller, not one that SIP itself works with"}
	}
	*h = HeaderName(text)
	return nil
}

// signalling are the headers of RFC 3261 §20 and its relatives that hold routes, keys, addresses of machines, or nothing
// that concerns a conversation. Those of one letter are their short forms. From and To are {{caller}} and {{dialled}}.
var signalling = []string{"Accept", "Accept-Encoding", "Allow", "Allow-Events", "Authentication-Info", "Authorization", "Call-Id", "Contact",
	"Content-Disposition", "Content-Encoding", "Content-Length", "Content-Type", "Cseq", "Event", "From", "Identity", "Max-Forwards",
	"Min-Se", "Path", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "Rack", "Record-Route", "Refer-To", "Replaces",
	"Require", "Route", "Rseq", "Security-Client", "Security-Server", "Security-Verify", "Service-Route", "Session-Expires", "Supported",
	"To", "Via", "Www-Authenticate"}

var (
	phoneNumber = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)
	sipAddress  = regexp.MustCompile(`^sips?:([!-~]+@)?[A-Za-z0-9.:\[\]-]+(;[!-~]+)?$`)
	telAddress  = regexp.MustCompile(`^tel:\+?[0-9*#().-]+(;[!-~]+)?$`)
)

// validTarget takes what a caller can be transferred to: a number, or a SIP or tel URI, without headers (RFC 3261 §19.1.1).
func validTarget(text string) bool {
	return len(text) <= 255 && !strings.ContainsAny(text, "<>\"\\^`{|}?,") &&
		(phoneNumber.MatchString(text) || sipAddress.MatchString(text) || telAddress.MatchString(text))
}

// validTargets takes an entry of trunks[].transfers and dials.
func validTargets(text string) bool {
	beginning, cut := strings.CutSuffix(text, "*")
	if !cut {
		return validTarget(text)
	}
	return beginning == "" || validTarget(beginning) || validTarget(beginning+"1")
}

// anywhere reports that an entry of trunks[].transfers or dials leaves open who pays: every number, or every host.
func anywhere(text string) bool {
	beginning, cut := strings.CutSuffix(text, "*")
	_, user, isURI := strings.Cut(beginning, ":")
	if !cut || !isURI {
		return cut && strings.Trim(beginning, "+") == ""
	}
	_, host, hasHost := strings.Cut(user, "@")
	return strings.HasPrefix(beginning, "sip") && (!hasHost || host == "") || user == "" || user == "+"
}
