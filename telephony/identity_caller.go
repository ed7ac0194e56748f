package telephony

import (
	"slices"
	"strings"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// caller is the number and the name of the caller, each "" when it is withheld or absent.
func caller(r *sipua.Request, trunk *Trunk) (number, name string) {
	party := calling(r, trunk)
	hidden := privacy(r)
	if hidden == hideAll || hidden != hideNothing && anonymous(r.From.URI) || anonymous(party.uri) {
		return "", ""
	}
	remote, _ := remoteParty(r)
	switch text, _ := param(remote.header, "privacy"); strings.ToLower(text) {
	case "full":
		return "", ""
	case "uri":
		return "", displayName(party.name)
	case "name":
		return trunk.Numbers.number(party.uri.User), ""
	}
	return trunk.Numbers.number(party.uri.User), displayName(party.name)
}

// calling is the address of the caller. Only a network that checks who calls may say
// otherwise than the caller does (RFC 3325 §5). P-Preferred-Identity is a wish of a phone to
// its own proxy (§9.2) and says nothing here.
func calling(r *sipua.Request, trunk *Trunk) value {
	own := value{name: r.From.Display, uri: r.From.URI}
	if trunk.DistrustIdentity {
		return own
	}
	party, ok := asserted(r, trunk.Numbers)
	if !ok {
		party, ok = remoteParty(r)
	}
	if !ok || party.uri.User == "" {
		return own
	}
	if party.name == "" {
		party.name = own.name // networks assert the number and leave the name where it was
	}
	return party
}

// asserted is the best P-Asserted-Identity (RFC 3325 §9.1): a telephone number before a
// name. Its two values, sip: and tel:, are the same person: either may have the name.
func asserted(r *sipua.Request, n Numbers) (best value, ok bool) {
	all := readValues(r.Headers("P-Asserted-Identity"))
	all = slices.DeleteFunc(all, func(v value) bool { return v.uri.User == "" })
	if len(all) == 0 {
		return value{}, false
	}
	best = all[0]
	for _, v := range all {
		if isNumber(n.normalise(v.uri.User)) {
			best = v
			break
		}
	}
	for _, v := range all {
		if best.name == "" {
			best.name = v.name
		}
	}
	return best, true
}

// remoteParty is the calling party of Remote-Party-ID, which came before P-Asserted-Identity
// and never became an RFC (draft-ietf-sip-privacy-04 §5.3). Without a party it is the caller.
func remoteParty(r *sipua.Request) (value, bool) {
	for _, v := range readValues(r.Headers("Remote-Party-ID")) {
		if party, has := param(v.header, "party"); !has || strings.EqualFold(party, "calling") {
			return v, true
		}
	}
	return value{}, false
}

// hiding is what the Privacy header asks for.
type hiding uint8

const (
	hideUnknown hiding = iota // no header: what the addresses look like decides
	hideNothing               // "none": the caller wants to be known
	hideAll
)

// privacy reads the Privacy header (RFC 3323 §4.2, RFC 3325 §9.3). An asserted identity does
// not undo the wish.
func privacy(r *sipua.Request) hiding {
	wish := hideUnknown
	for _, word := range privacyWords(r) {
		switch word {
		case "id", "user", "header", "full":
			return hideAll
		case "none":
			wish = hideNothing
		}
	}
	return wish
}

// privacyWords are the values of the Privacy header; commas are read like semicolons.
func privacyWords(r *sipua.Request) []string {
	text := strings.ToLower(strings.Join(r.Headers("Privacy"), ";"))
	return strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(";, \t", c) })
}

// nobody are the user parts that stand for a number which is withheld, or not known to the
// network (RFC 3323 §4.1.1.3, 3GPP TS 29.163).
var nobody = []string{"anonymous", "restricted", "unavailable", "unknown", "private", "withheld"}

// anonymous reports whether an address says that it is none.
func anonymous(uri sipua.URI) bool {
	host := strings.ToLower(strings.TrimSuffix(uri.Host, "."))
	user, _, _ := strings.Cut(strings.ToLower(uri.User), ";")
	return host == "anonymous.invalid" || host == "unknown.invalid" || slices.Contains(nobody, user)
}
