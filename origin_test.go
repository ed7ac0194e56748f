package trunkline

import (
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony"
)

func TestOriginInTheRecord(t *testing.T) {
	d := &desk{}
	info := telephony.CallInfo{Forwarded: []telephony.Forward{{Number: "+49301", Reason: "no-answer"}, {Reason: "away"}},
		Verification: telephony.Verification{Status: telephony.Passed, Attestation: "A"}, SRTP: "AES_CM_128_HMAC_SHA1_80", Outbound: true, Started: time.Now()}
	c := beginning(info, d, "host")
	if c.Forwarded != "+49301 (no-answer), unknown (away)" || c.Verification != "passed A" || c.SRTP != info.SRTP || c.Direction != "out" {
		t.Errorf("record %+v", c)
	}
	if a := (&Service{}).told(info); a.Forwarded != "+49301" || a.Verification != "passed A" {
		t.Errorf("the agent is told %+v", a)
	}
	plain := telephony.CallInfo{Verification: telephony.Verification{Status: telephony.NotVerified}}
	if c := beginning(plain, d, ""); c.Forwarded+c.Verification+c.SRTP+c.Direction != "" {
		t.Errorf("record of a plain call %+v", c)
	}
	if got := verification(telephony.Verification{Status: telephony.NotVerified, Attestation: "B"}); got != "none B" {
		t.Errorf("%q: who vouches is told even if nobody looked", got)
	}
}
