package telephony

import (
	"net/netip"
	"testing"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

// What was agreed about RTCP comes to the media, and outlives a hold without an address.
func TestRTCPIsNegotiated(t *testing.T) {
	rtcp := netip.MustParseAddrPort("192.0.2.1:4009")
	c := offered(t, plainOffer+"a=rtcp:4009\r\na=rtcp-mux\r\n")
	if p := c.mediaParams(c.opening); !p.RTCPMux || p.RTCP != rtcp {
		t.Errorf("%+v", p)
	}
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	held := "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:4009\r\na=rtcp-mux\r\n"
	if _, direction := c.mustReoffer(t, held); direction != "inactive" {
		t.Errorf("the answer is %s", direction)
	}
	if c.agreed.RTCP != rtcp || !c.agreed.RTCPMux {
		t.Errorf("on hold %+v", c.agreed)
	}
}

// The figures of a call are those of its audio.
func TestQualityIsThatOfTheMedia(t *testing.T) {
	c := offered(t, plainOffer)
	if q := c.Quality(); q != (media.Quality{}) {
		t.Errorf("%+v before the call", q)
	}
	phone := newWirePhone(t)
	offer, err := sdp.Parse([]byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio " + phone.port() + " RTP/AVP 0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.opening, _, err = sdp.Answer(offer, c.local); err != nil {
		t.Fatal(err)
	}
	c.agreed = c.opening
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	phone.say(c.media.Port(), c.opening.Law, 5, 50)
	eventually(t, "the caller's quality is known", func() bool { return c.Quality().Caller.MOS > 1 })
	if q := c.Quality(); q.Caller.Packets < 2 || q.Agent.MOS != 0 {
		t.Errorf("%+v", q)
	}
}
