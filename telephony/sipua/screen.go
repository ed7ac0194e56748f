package sipua

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// allowed is what the Allow header lists.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY"

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
// §8.2.2.3). Max-Forwards is left alone: a value of 0 forbids forwarding, and we are
// the end of the path.
func screenMethod(req *sip.Request) *refusal {
	switch req.Method {
	case sip.INVITE, sip.BYE, sip.OPTIONS, sip.CANCEL, sip.UPDATE, sip.NOTIFY:
	default:
		return refuse(sip.StatusMethodNotAllowed, "Method Not Allowed", Header{"Allow", allowed})
	}
	if req.Method == sip.CANCEL {
		return nil
	}
	if required := headerValues(req, "require", ""); len(required) > 0 {
		return refuse(sip.StatusBadExtension, "Bad Extension", Header{"Unsupported", clean(strings.Join(required, ", "))})
	}
	return nil
}

// screenInvite checks what only an INVITE or UPDATE needs: a Contact to send requests
// to, and a body that is a session description or nothing.
func screenInvite(req *sip.Request) *refusal {
	if req.Contact() == nil || req.Contact().Address.Wildcard {
		return refuse(sip.StatusBadRequest, "Missing Contact")
	}
	if _, ok := offerOf(req); !ok {
		return refuse(sip.StatusUnsupportedMediaType, "Unsupported Media Type",
			Header{"Accept", "application/sdp"}, Header{"Accept-Encoding", "identity"})
	}
	return nil
}
