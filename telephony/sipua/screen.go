package sipua

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// allowed is what the Allow header lists.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY"

// The extensions that a peer may require of us: session timers and reliable provisional
// responses.
const (
	timerTag    = "timer"
	reliableTag = "100rel"
)

// maxIDLength bounds Call-ID and tags, which are kept for as long as a call is.
const maxIDLength = 512

// refusal is a final response other than success.
type refusal struct {
	status  int
	reason  string
	headers []Header
}

func refuse(status int, reason string, headers ...Header) *refusal {
	return &refusal{status, reason, headers}
}

// screenForm finds what is wrong with a request whatever its method. sipgo's parser
// lets such requests through on purpose; nil means acceptable.
func screenForm(req *sip.Request) *refusal {
	switch {
	case !strings.EqualFold(req.SipVersion, "SIP/2.0"):
		return refuse(sip.StatusVersionNotSupported, "Version Not Supported")
	case !answerable(req):
		return refuse(sip.StatusBadRequest, "Missing Header")
	case repeats(req):
		return refuse(sip.StatusBadRequest, "Repeated Header")
	case !strings.EqualFold(strings.TrimSpace(string(req.CSeq().MethodName)), string(req.Method)): // sipgo writes the latter in capitals
		return refuse(sip.StatusBadRequest, "CSeq Method Mismatch")
	case fromTag(req) == "":
		return refuse(sip.StatusBadRequest, "Missing From Tag")
	case max(len(req.CallID().Value()), len(fromTag(req)), len(toTag(req)), len(branchOf(req))) > maxIDLength:
		return refuse(sip.StatusBadRequest, "Identifier Too Long")
	case !serves(req):
		return refuse(416, "Unsupported URI Scheme")
	}
	return screenValues(req)
}

// serves reports whether we serve the scheme of the Request-URI. sips asks for TLS on the
// whole way, which includes the last hop.
func serves(req *sip.Request) bool {
	switch req.Recipient.Scheme {
	case "sip", "tel":
		return true
	case "sips":
		return req.Transport() == "TLS"
	}
	return false
}

// screenMethod refuses methods and extensions that are not served (RFC 3261 §8.2.1,
// §8.2.2.3); tags are the extensions that are. Max-Forwards is left alone: a value of 0
// forbids forwarding, and we are the end of the path.
func screenMethod(req *sip.Request, tags []string) *refusal {
	switch req.Method {
	case sip.CANCEL:
		return nil
	case sip.INVITE, sip.BYE, sip.OPTIONS, sip.INFO, sip.UPDATE, sip.PRACK, sip.NOTIFY:
	default:
		return refuse(sip.StatusMethodNotAllowed, "Method Not Allowed", Header{"Allow", allowed})
	}
	var unknown []string
	for _, tag := range tokens(req, "require", "") {
		if !slices.Contains(tags, strings.ToLower(tag)) {
			unknown = append(unknown, clean(tag))
		}
	}
	if unknown != nil {
		return refuse(sip.StatusBadExtension, "Bad Extension", Header{"Unsupported", strings.Join(unknown, ", ")})
	}
	return nil
}

// tokens returns the words of a header that is a comma list, of all its lines.
func tokens(msg sip.Message, name, compact string) []string {
	var words []string
	for _, line := range headerValues(msg, name, compact) {
		for word := range strings.SplitSeq(line, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

// names reports whether such a header names word, in any case.
func names(msg sip.Message, name, compact, word string) bool {
	return slices.ContainsFunc(tokens(msg, name, compact), func(w string) bool { return strings.EqualFold(w, word) })
}

// can reports whether the peer has an extension, by its own account.
func can(req *sip.Request, tag string) bool {
	return names(req, "supported", "k", tag) || names(req, "require", "", tag)
}

// screenInvite checks what only an INVITE or UPDATE needs: a Contact to send requests
// to, and a body that is a session description or nothing.
func screenInvite(req *sip.Request) *refusal {
	if req.Contact() == nil || req.Contact().Address.Wildcard {
		return refuse(sip.StatusBadRequest, "Missing Contact")
	}
	if _, ok := offerOf(req); !ok {
		return notADescription
	}
	return nil
}

var notADescription = refuse(sip.StatusUnsupportedMediaType, "Unsupported Media Type",
	Header{"Accept", "application/sdp"}, Header{"Accept-Encoding", "identity"})
