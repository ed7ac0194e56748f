package telephony

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// maxForwards bounds CallInfo.Forwarded; a call that was forwarded more often has run in
// circles.
const maxForwards = 10

// Forward is one forwarding of a call on its way here.
type Forward struct {
	Number string // that was called and did not take the call, in the form of CallInfo.Dialled; "" when withheld

	// Reason is one of RFC 5806 §4, in lower case: "unconditional", "user-busy",
	// "no-answer", "unavailable", "deflection", "time-of-day", "do-not-disturb", "follow-me",
	// "out-of-service", "away"; "unknown" for any other.
	Reason string
}

// forwarded lists the forwardings of a call, the number that was called first at the front.
// Where both headers are there they say the same (RFC 7544), and Diversion says it plainly.
func forwarded(r *sipua.Request, n Numbers) []Forward {
	if all := diversions(r, n); len(all) > 0 {
		return all
	}
	return history(r, n)
}

// diversions reads Diversion (RFC 5806 §4), whose first value is the latest.
func diversions(r *sipua.Request, n Numbers) []Forward {
	var all []Forward
	for _, v := range slices.Backward(readValues(r.Headers("Diversion"))) {
		reason, _ := param(v.header, "reason")
		f := Forward{Reason: reasonWord(reason)}
		if wish, _ := param(v.header, "privacy"); !hidesNumber(wish) && !anonymous(v.uri) {
			f.Number = n.number(v.uri.User)
		}
		all = append(all, f)
	}
	return all[:min(len(all), maxForwards)]
}

// hidesNumber reads the privacy parameter of Diversion and Remote-Party-ID.
func hidesNumber(wish string) bool {
	return strings.EqualFold(wish, "full") || strings.EqualFold(wish, "uri")
}

// reasons are the words of RFC 5806 §4.
var reasons = []string{"unconditional", "user-busy", "no-answer", "unavailable", "deflection", "time-of-day", "do-not-disturb",
	"follow-me", "out-of-service", "away"}

func reasonWord(s string) string {
	if s = strings.ToLower(s); slices.Contains(reasons, s) {
		return s
	}
	return "unknown"
}

// causes are the words for the causes of RFC 4458 §2, as RFC 7544 §7 translates them.
var causes = map[string]string{"302": "unconditional", "486": "user-busy", "408": "no-answer", "480": "deflection", "487": "deflection",
	"503": "unavailable", "404": "unknown"}

// hop is one value of History-Info.
type hop struct {
	value
	index  []int  // "1.2.1"
	mapped []int  // of the entry whose user was replaced by this one; nil: not said
	cause  string // of the forwarding that led here; "" if none did
}

// history reads History-Info (RFC 7044): the way of the call, entry by entry. It was
// forwarded where the next entry is another user and somebody says so: a cause in the new
// address (RFC 4458), mp in its entry, or a Reason in the old address.
//
//	<sip:A@x?Reason=SIP%3Bcause%3D486>;index=1, <sip:B@x;cause=486>;index=1.1;mp=1
//	     └ was called, was busy                 └ is called now
func history(r *sipua.Request, n Numbers) []Forward {
	hops := historyHops(r)
	private := slices.ContainsFunc(privacyWords(r), func(word string) bool {
		return word == "history" || word == "header" || word == "session"
	})
	var all []Forward
	for i := 1; i < len(hops) && len(all) < maxForwards; i++ {
		from := hops[before(hops, i)]
		reason := cmp.Or(causes[hops[i].cause], causes[reasonCause(from.headers)])
		number := n.number(from.uri.User)
		if reason == "" && hops[i].mapped == nil || number == n.number(hops[i].uri.User) {
			continue
		}
		if private || strings.Contains(strings.ToLower(from.headers), "privacy=history") || anonymous(from.uri) {
			number = ""
		}
		all = append(all, Forward{number, cmp.Or(reason, "unknown")})
	}
	return all
}

// historyHops reads the entries and brings them into the order of their index.
func historyHops(r *sipua.Request) []hop {
	var all []hop
	for _, v := range readValues(r.Headers("History-Info")) {
		h := hop{value: v}
		text, _ := param(v.header, "index")
		h.index = indexOf(text)
		if text, ok := param(v.header, "mp"); ok {
			h.mapped = indexOf(text)
		}
		h.cause, _ = param(v.params, "cause")
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b hop) int { return slices.Compare(a.index, b.index) })
	return all
}

// before finds the entry that entry i took the place of: the one it names, or the one
// before it.
func before(hops []hop, i int) int {
	if hops[i].mapped != nil {
		for j, h := range hops[:i] {
			if slices.Equal(h.index, hops[i].mapped) {
				return j
			}
		}
	}
	return i - 1
}

// indexOf reads "1.2.1". It stops at what is no number.
func indexOf(s string) []int {
	index := []int{}
	for part := range strings.SplitSeq(s, ".") {
		i, err := strconv.ParseUint(part, 10, 16)
		if err != nil || len(index) == maxValues {
			break
		}
		index = append(index, int(i))
	}
	return index
}

// reasonCause is the SIP cause of the Reason (RFC 3326) in the headers of an address.
func reasonCause(headers string) string {
	for member := range strings.SplitSeq(headers, "&") {
		name, text, _ := strings.Cut(member, "=")
		if !strings.EqualFold(name, "Reason") {
			continue
		}
		for one := range strings.SplitSeq(unescape(text), ",") {
			protocol, params, _ := strings.Cut(one, ";")
			if strings.EqualFold(strings.TrimSpace(protocol), "SIP") {
				cause, _ := param(params, "cause")
				return cause
			}
		}
	}
	return ""
}
