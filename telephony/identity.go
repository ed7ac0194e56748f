package telephony

import (
	"strings"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// identity is who calls whom, as far as the trunk lets us know.
//
//	INVITE sip:account@…           ┐ dialled: Trunk.DialledFrom
//	To, P-Called-Party-ID          ┘
//	P-Asserted-Identity            ┐
//	Remote-Party-ID                │ caller: the first of them, From last; the upper two
//	From                           ┘ from trunks whose word counts
//	Privacy, ;privacy=             ─ caller: withheld
//	Diversion, History-Info        ─ forwarded
//	;verstat=, P-Attestation-…     ─ verified
type identity struct {
	caller, name string // "" when withheld
	dialled      string
	forwarded    []Forward
	verified     Verification
}

// Sources of the dialled number, for Trunk.DialledFrom.
const (
	FromRequestURI     = "request_uri"
	FromTo             = "to"
	FromPCalledPartyID = "p_called_party_id" // RFC 7315 §4.2: the Request-URI before a registrar replaced it by a Contact
	FromDiversion      = "diversion"         // the number that was called first, for lines that are forwarded to the trunk
)

func identify(r *sipua.Request, trunk *Trunk) identity {
	who := identity{dialled: dialled(r, trunk), verified: Verification{Status: NotVerified}}
	who.caller, who.name = caller(r, trunk)
	if !trunk.DistrustIdentity {
		who.forwarded = forwarded(r, trunk.Numbers)
		who.verified = verified(r)
	}
	return who
}

// dialled is the first number that the sources of the trunk give. The name of an account
// is none, but better than nothing: a route may name it.
func dialled(r *sipua.Request, trunk *Trunk) string {
	sources := trunk.DialledFrom
	if len(sources) == 0 {
		sources = []string{FromRequestURI, FromTo}
		if trunk.isAccount(r.RequestURI.User) {
			sources = []string{FromTo, FromPCalledPartyID}
		}
	}
	for _, source := range sources {
		user := dialledUser(r, source)
		if n := trunk.Numbers.number(user); n != "" && !trunk.isAccount(user) {
			return n
		}
	}
	return trunk.Numbers.number(r.RequestURI.User)
}

// dialledUser is the user part that a source names, "" if there is none.
func dialledUser(r *sipua.Request, source string) string {
	switch source {
	case FromTo:
		return r.To.URI.User
	case FromPCalledPartyID:
		if all := readValues(r.Headers("P-Called-Party-ID")); len(all) > 0 {
			return all[0].uri.User
		}
		return ""
	case FromDiversion:
		if all := readValues(r.Headers("Diversion")); len(all) > 0 {
			return all[len(all)-1].uri.User
		}
		return ""
	}
	return r.RequestURI.User
}

// isAccount reports whether a user part names us and not a number.
func (t *Trunk) isAccount(user string) bool {
	for _, account := range t.Accounts {
		if strings.EqualFold(account, user) && user != "" {
			return true
		}
	}
	return false
}

// number is the number, or name, in a user part. What cannot be shown is none.
func (n Numbers) number(user string) string {
	if text := n.normalise(user); readable(text) {
		return text
	}
	return ""
}
