package sdp

import (
	"net/netip"
	"strings"
	"testing"
)

// audioWith is an offer of plain audio with further lines behind it.
func audioWith(more ...string) string {
	return lines(append([]string{"v=0", "o=- 1 1 IN IP4 203.0.113.7", "s=-", "c=IN IP4 203.0.113.7", "t=0 0",
		"m=audio 40000 RTP/AVP 0"}, more...)...)
}

func TestRTCPPort(t *testing.T) {
	for line, want := range map[string]string{
		"a=rtcp:40001":                         "203.0.113.7:40001",
		"a=rtcp:40009 IN IP4 203.0.113.8":      "203.0.113.8:40009",
		"a=rtcp:40009 IN IP6 2001:db8::9":      "[2001:db8::9]:40009",
		"a=rtcp: 40011 ":                       "203.0.113.7:40011",
		"a=rtcp:40009 IN IP4 phone.example":    "203.0.113.7:40009",
		"a=rtcp:40009 IN IP6 fe80::1%eth0":     "203.0.113.7:40009",
		"a=rtcp:40009 IN IP4":                  "203.0.113.7:40009",
		"a=rtcp:40009 IN IP6 ::ffff:192.0.2.1": "192.0.2.1:40009",
		"a=rtcp:0":                             "",
		"a=rtcp:70000":                         "",
		"a=rtcp:-1":                            "",
		"a=rtcp:":                              "",
		"a=sendrecv":                           "",
	} {
		offer, err := Parse([]byte(audioWith(line)))
		if err != nil {
			t.Fatal(err)
		}
		n, _, err := Answer(offer, testLocal)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if n.RTCP.IsValid() {
			got = n.RTCP.String()
		}
		if got != want {
			t.Errorf("%s: RTCP to %q, want %q", line, got, want)
		}
	}
}

// The other streams' attributes and those of the session are not the audio's.
func TestRTCPOfOtherStreams(t *testing.T) {
	offer, err := Parse([]byte(lines("v=0", "o=- 1 1 IN IP4 203.0.113.7", "c=IN IP4 203.0.113.7", "a=rtcp-mux", "a=rtcp:5",
		"m=video 50000 RTP/AVP 96", "a=rtcp-mux", "a=rtcp:50009", "m=audio 40000 RTP/AVP 0")))
	if err != nil {
		t.Fatal(err)
	}
	n, answer, err := Answer(offer, testLocal)
	if err != nil || n.RTCPMux || n.RTCP != (netip.AddrPort{}) || strings.Contains(string(answer), "rtcp") {
		t.Errorf("%v %+v\n%s", err, n, answer)
	}
}

// RFC 5761 §5.1.1: mux is answered if it was offered, and never otherwise.
func TestMuxIsAnsweredIfOffered(t *testing.T) {
	for _, offered := range []bool{true, false} {
		line := "a=sendrecv"
		if offered {
			line = "a=RTCP-mux"
		}
		offer, err := Parse([]byte(audioWith(line)))
		if err != nil {
			t.Fatal(err)
		}
		n, body, err := Answer(offer, testLocal)
		if err != nil || n.RTCPMux != offered {
			t.Errorf("offered %v: %+v, %v", offered, n, err)
		}
		answer, err := Parse(body)
		if err != nil || answer.Media[0].RTCPMux != offered {
			t.Errorf("offered %v: the answer is\n%s", offered, body)
		}
	}
}

// A peer that answers mux to an offer without it does not get it; in the middle of a
// call our offer asks for what is in force.
func TestMuxInOurOffers(t *testing.T) {
	if strings.Contains(string(Offer(testLocal)), "rtcp-mux") {
		t.Error("a call that we start asks for mux")
	}
	muxed, _ := Parse([]byte(audioWith("a=rtcp-mux")))
	plain, _ := Parse([]byte(audioWith()))
	if n, err := Negotiate(muxed, testLocal); err != nil || n.RTCPMux {
		t.Errorf("%+v, %v", n, err)
	}
	for _, c := range []struct {
		inForce, answer *Session
		want            bool
	}{{muxed, muxed, true}, {muxed, plain, false}, {plain, muxed, false}} {
		agreed, _, err := Answer(c.inForce, testLocal)
		if err != nil {
			t.Fatal(err)
		}
		if asks := strings.Contains(string(Reoffer(c.inForce, agreed, testLocal)), "a=rtcp-mux\r\n"); asks != agreed.RTCPMux {
			t.Errorf("in force %v, asked for %v", agreed.RTCPMux, asks)
		}
		if n, err := Renegotiate(c.answer, c.inForce, agreed, testLocal); err != nil || n.RTCPMux != c.want {
			t.Errorf("%+v, %v", n, err)
		}
	}
}

// Comfort noise is understood when it comes, and never asked for.
func TestComfortNoiseIsNeverOffered(t *testing.T) {
	offer, err := Parse([]byte(lines("v=0", "o=- 1 1 IN IP4 203.0.113.7", "c=IN IP4 203.0.113.7",
		"m=audio 40000 RTP/AVP 0 13 101", "a=rtpmap:13 CN/8000", "a=rtpmap:101 telephone-event/8000")))
	if err != nil {
		t.Fatal(err)
	}
	n, answer, err := Answer(offer, testLocal)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{answer, Offer(testLocal), Reoffer(offer, n, testLocal)} {
		s, err := Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.Media[0].Codecs {
			if c.PayloadType == 13 || c.Name == "cn" {
				t.Errorf("comfort noise in\n%s", body)
			}
		}
	}
}
