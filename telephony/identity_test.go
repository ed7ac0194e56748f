package telephony

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/trunkline/trunkline/telephony/sipua"
)

func address(display, user, host string) sipua.Address {
	return sipua.Address{Display: display, URI: sipua.URI{Scheme: "sip", User: user, Host: host}}
}

// invite is an INVITE from Alice to +15551230001 with headers, "Name: value" each.
func invite(headers ...string) *sipua.Request {
	r := &sipua.Request{
		RequestURI: sipua.URI{Scheme: "sip", User: "+15551230001", Host: "x"},
		From:       address("Alice\x07", "+15557654321", "y"), To: address("", "2000", "x"),
		HeaderMap: make(map[string][]string),
	}
	for _, h := range headers {
		name, text, _ := strings.Cut(h, ": ")
		name = strings.ToLower(name)
		r.HeaderMap[name] = append(r.HeaderMap[name], text)
	}
	return r
}

func TestDialled(t *testing.T) {
	called := func(user, to string, headers ...string) *sipua.Request {
		r := invite(headers...)
		r.RequestURI.User, r.To.URI.User = user, to
		return r
	}
	pbx := []string{"ACME"}
	const party = "P-Called-Party-ID: <sip:+4930777@carrier>"
	for name, tc := range map[string]struct {
		r     *sipua.Request
		trunk Trunk
		want  string
	}{
		"request":                    {called("+15551230001", "2000", party), Trunk{}, "+15551230001"},
		"no user":                    {called("", "2000"), Trunk{}, "2000"},
		"nothing at all":             {called("", "", party), Trunk{}, ""},
		"account":                    {called("acme", "%2B4930123", party), Trunk{Accounts: pbx}, "+4930123"},
		"account in both":            {called("acme", "Acme", party), Trunk{Accounts: pbx}, "+4930777"},
		"account and no more":        {called("acme", "acme"), Trunk{Accounts: pbx}, "acme"},
		"no account":                 {called("desk", "+4930123"), Trunk{Accounts: pbx}, "desk"},
		"listed":                     {called("+15551230001", "+4930123", party), Trunk{DialledFrom: []string{FromPCalledPartyID, FromTo}}, "+4930777"},
		"listed, absent":             {called("+15551230001", "+4930123"), Trunk{DialledFrom: []string{FromPCalledPartyID, FromTo}}, "+4930123"},
		"listed, all absent":         {called("+15551230001", ""), Trunk{DialledFrom: []string{FromDiversion, FromTo}}, "+15551230001"},
		"listed, with the account":   {called("acme", "+4930123"), Trunk{Accounts: pbx, DialledFrom: []string{FromRequestURI, FromTo}}, "+4930123"},
		"the number called at first": {called("+1", "2", "Diversion: <sip:+4930222@x>", "Diversion: <sip:+4930333@x>"), Trunk{DialledFrom: []string{FromDiversion}}, "+4930333"},
		"plan":                       {called("030123456", "2000"), Trunk{Numbers: Numbers{Country: "49", National: "0"}}, "+4930123456"},
		"not to be shown":            {called("a\x00b", "a\xff"), Trunk{}, ""},
	} {
		if got := identify(tc.r, &tc.trunk).dialled; got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	tel := invite()
	tel.RequestURI = sipua.URI{Scheme: "tel", User: "+1-555-9;isub=1"}
	if got := identify(tel, &Trunk{}).dialled; got != "+15559" {
		t.Errorf("tel: %q", got)
	}
}

// TestSippIdentity: an INVITE over the wire, its headers in lists and repeated, makes a CallInfo.
func TestSippIdentity(t *testing.T) {
	infos := make(chan CallInfo, 1)
	trunk := Trunk{Name: "carrier", Sources: prefixes("127.0.0.0/8"), Accounts: []string{"account"}, Numbers: Numbers{Country: "49", National: "0"}}
	s := start(t, Config{Trunks: []Trunk{trunk}}, func(_ context.Context, c *Call) {
		infos <- c.Info()
		_ = c.Reject(486, "Busy Here", 0)
	})
	sipp(t, "identity", "udp", s, nil)
	info := recv(t, infos)
	want := CallInfo{
		Caller: "+49301234567", CallerName: "Bob, of Acme", Dialled: "+4989555000",
		Forwarded:    []Forward{{"+49307770", "unconditional"}, {"+4930999888", "no-answer"}, {"", "user-busy"}},
		Verification: Verification{Passed, "A"},
	}
	got := CallInfo{Caller: info.Caller, CallerName: info.CallerName, Dialled: info.Dialled, Forwarded: info.Forwarded, Verification: info.Verification}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v,\nwant %+v", got, want)
	}
	if n := info.OriginallyDialled(); n != "+49307770" {
		t.Errorf("originally dialled %q", n)
	}
}

// FuzzIdentify: whatever the headers say, what comes out can be shown and stored, and a
// wish for privacy is kept.
func FuzzIdentify(f *testing.F) {
	f.Add(`"Bob" <sip:+49301@x;user=phone>`, `<tel:+1>;party=calling;privacy=full`, "none", `<sip:+2@x>;reason=away;counter=3`,
		`<sip:a@x?Reason=SIP%3Bcause%3D302>;index=1,<sip:b@x;cause=302>;index=1.1;mp=1`, "A", "+49;verstat=TN-Validation-Passed")
	f.Add(`<`, `"`, "id;;", `\`, `<sip:a@x>;mp=1.1.1.;index=99999`, "", "%")
	f.Fuzz(func(t *testing.T, pai, rpid, privacy, diversion, history, attestation, user string) {
		r := invite()
		for name, text := range map[string]string{"p-asserted-identity": pai, "remote-party-id": rpid, "privacy": privacy, "diversion": diversion,
			"history-info": history, "p-attestation-indicator": attestation, "p-called-party-id": pai, "from": pai} {
			r.HeaderMap[name] = []string{text, text}
		}
		r.From.URI.User, r.RequestURI.User, r.From.Display = user, user, rpid
		who := identify(r, &Trunk{Numbers: Numbers{Country: "49", National: "0"}, DialledFrom: []string{FromDiversion, FromPCalledPartyID}})
		texts := []string{who.caller, who.dialled, who.name}
		if utf8.RuneCountInString(who.name) > maxName || len(who.forwarded) > maxForwards {
			t.Errorf("name %q, %d forwards", who.name, len(who.forwarded))
		}
		for _, fwd := range who.forwarded {
			texts = append(texts, fwd.Number)
			if fwd.Reason != "unknown" && reasonWord(fwd.Reason) != fwd.Reason {
				t.Errorf("reason %q", fwd.Reason)
			}
		}
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.IndexFunc(text, unicode.IsControl) >= 0 || len(text) > max(maxUser, 4*maxName) {
				t.Errorf("text %q", text)
			}
		}
		if v := who.verified; v.Status == "" || len(v.Attestation) > 1 {
			t.Errorf("verification %+v", v)
		}
		r.HeaderMap["privacy"] = append(r.HeaderMap["privacy"], "id")
		if who := identify(r, &Trunk{}); who.caller != "" || who.name != "" {
			t.Errorf("caller %q, name %q in spite of privacy", who.caller, who.name)
		}
	})
}
