package telephony

import (
	"reflect"
	"strings"
	"testing"
)

func TestForwarded(t *testing.T) {
	const diversion, history = "Diversion: ", "History-Info: "
	for name, tc := range map[string]struct {
		headers []string
		want    []Forward
	}{
		"none": {},
		"one":  {[]string{diversion + `"Desk" <sip:+4930111@x;user=phone>;privacy=off;reason=No-Answer;counter=1;screen=no`}, []Forward{{"+4930111", "no-answer"}}},
		"list, latest first": {[]string{diversion + `<sip:+4930222@x>;reason=user-busy , <tel:+4930111>;reason="unconditional"`},
			[]Forward{{"+4930111", "unconditional"}, {"+4930222", "user-busy"}}},
		"lines": {[]string{diversion + `<sip:+4930222@x>`, diversion + `sip:+4930111@x;reason=time-of-day`},
			[]Forward{{"+4930111", "time-of-day"}, {"+4930222", "unknown"}}},
		"private":   {[]string{diversion + `<sip:+4930111@x>;privacy=full;reason=away, <sip:anonymous@anonymous.invalid>`}, []Forward{{"", "unknown"}, {"", "away"}}},
		"nonsense":  {[]string{diversion + `;;;`, diversion + `<sip:+4930111@x>;reason=cat`}, []Forward{{"+4930111", "unknown"}}},
		"folded":    {[]string{diversion + "<sip:+4930222@x>\r\n ;reason=away,\r\n\t<sip:+4930111@x>;\r\n reason = away"}, []Forward{{"+4930111", "away"}, {"+4930222", "away"}}},
		"a circle":  {[]string{diversion + strings.Repeat(`<sip:+4930222@x>,`, 20) + `<sip:+4930111@x>`}, append([]Forward{{"+4930111", "unknown"}}, circle()...)},
		"diversion": {[]string{diversion + `<sip:+4930111@x>`, history + `<sip:+4930999@x>;index=1,<sip:+1@x;cause=486>;index=1.1`}, []Forward{{"+4930111", "unknown"}}},

		"history, 4458": {[]string{history + `<sip:+4930111@x>;index=1, <sip:+4930222@x;cause=302>;index=1.1, <sip:+4930333@x;cause=408>;index=1.2`},
			[]Forward{{"+4930111", "unconditional"}, {"+4930222", "no-answer"}}},
		"history, in the wrong order": {[]string{history + `<sip:+4930333@x;cause=486>;index=1.10;mp=1.2`, history + `<sip:+4930111@x>;index=1,<sip:+4930222@x;cause=503>;index=1.2;mp=1`},
			[]Forward{{"+4930111", "unavailable"}, {"+4930222", "user-busy"}}},
		"history, mapped": {[]string{history + `<sip:+4930111@x>;index=1, <sip:+4930111@10.0.0.1;cause=408>;index=1.1;rc=1, <sip:+4930222@x>;index=1.2;mp=1`},
			[]Forward{{"+4930111", "unknown"}}},
		"history, reason": {[]string{history + `<sip:+4930111@x?Reason=Q.850%3Bcause%3D17,SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1, <sip:+4930222@x>;index=2`},
			[]Forward{{"+4930111", "user-busy"}}},
		"history, routed only": {[]string{history + `<sip:+4930111@x>;index=1, <sip:+49-30-111@y>;index=1.1;rc=1, <sip:+4930111@z;cause=302>;index=1.1.1`}, nil},
		"history, no reason":   {[]string{history + `<sip:+4930111@x>;index=1, <sip:+4930222@x>;index=1.1`}, nil},
		"history, private":     {[]string{history + `<sip:+4930111@x?Privacy=history>;index=1, <sip:+4930222@x;cause=302>;index=1.1`}, []Forward{{"", "unconditional"}}},
		"history, all private": {[]string{"Privacy: history", history + `<sip:+4930111@x>;index=1, <sip:+4930222@x;cause=480>;index=1.1`}, []Forward{{"", "deflection"}}},
		"history, hidden":      {[]string{history + `<sip:anonymous@anonymous.invalid>;index=1, <sip:+4930222@x;cause=302>;index=1.1`}, []Forward{{"", "unconditional"}}},
		"history, broken":      {[]string{history + `<sip:+4930111@x>;index=x;mp=, ;;, <sip:+4930222@x;cause=302>;index=1.1;mp=7`}, []Forward{{"+4930111", "unconditional"}}},
	} {
		r := invite(tc.headers...)
		if got := identify(r, &Trunk{}).forwarded; !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
		if got := identify(r, &Trunk{DistrustIdentity: true}).forwarded; got != nil {
			t.Errorf("%s, distrusted: %+v", name, got)
		}
	}
}

func circle() (all []Forward) {
	for range maxForwards - 1 {
		all = append(all, Forward{"+4930222", "unknown"})
	}
	return all
}

func TestOriginallyDialled(t *testing.T) {
	if got := (CallInfo{}).OriginallyDialled(); got != "" {
		t.Errorf("not forwarded: %q", got)
	}
	if got := (CallInfo{Forwarded: []Forward{{"+1", "away"}, {"+2", "away"}}}).OriginallyDialled(); got != "+1" {
		t.Errorf("forwarded twice: %q", got)
	}
}
