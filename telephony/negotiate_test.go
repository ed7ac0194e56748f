package telephony

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

const plainOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"

// negotiating is an answered call without signalling.
func negotiating(t *testing.T) *Call {
	t.Helper()
	c := offered(t, plainOffer)
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	return c
}

// offered is a call whose answer is on its way.
func offered(t *testing.T, text string) *Call {
	t.Helper()
	ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	pacer := media.NewPacer()
	t.Cleanup(pacer.Close)
	session, err := media.Open(media.Config{Ports: ports, Pacer: pacer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	offer, err := sdp.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &Call{server: &Server{own: &own{}}, trunk: &Trunk{}, media: session, held: make(chan bool, 1), log: slog.New(slog.DiscardHandler), offer: offer,
		info:  CallInfo{Source: netip.MustParseAddrPort("192.0.2.1:5060")},
		local: sdp.Local{Addr: netip.MustParseAddr("192.0.2.2"), Port: session.Port(), SessionID: 7, Version: 1, Keys: sdp.NewKeys()}}
	c.opening, c.answer, _ = sdp.Answer(offer, c.local)
	c.agreed, c.last, c.info.Law = c.opening, c.answer, c.opening.Law
	return c
}

// mustReoffer lets an offer be met and returns the version and direction of the answer.
func (c *Call) mustReoffer(t *testing.T, offer string) (version, direction string) {
	t.Helper()
	answer, err := c.reoffer([]byte(offer))
	if err != nil {
		t.Fatalf("%v\n%s", err, offer)
	}
	return versionOf(answer), directionOf(answer)
}

func versionOf(description []byte) string {
	_, rest, _ := strings.Cut(string(description), "o=- 7 ")
	version, _, _ := strings.Cut(rest, " IN ")
	return version
}

func directionOf(description []byte) string {
	s, err := sdp.Parse(description)
	if err != nil || len(s.Media) == 0 {
		return "unreadable"
	}
	return s.Media[0].Direction.String()
}

func bumped(offer string, version int) string {
	return strings.Replace(offer, "- 1 1 IN", fmt.Sprintf("- 1 %d IN", version), 1)
}

// Every way to hold and to resume, one after the other: the answer's direction, its
// version, and what the agent is told.
func TestHoldAndResume(t *testing.T) {
	c := negotiating(t)
	old := strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1)
	for i, step := range []struct {
		offer   string
		want    string
		version string
		hold    bool
		told    bool // on Held
	}{
		{plainOffer, "sendrecv", "1", false, false},
		{plainOffer + "a=sendonly\r\n", "recvonly", "2", true, true},
		{plainOffer + "a=sendonly\r\n", "recvonly", "2", true, false},
		{plainOffer + "a=inactive\r\n", "inactive", "3", true, false},
		{plainOffer, "sendrecv", "4", false, true},
		{old, "inactive", "5", true, true},
		{old, "inactive", "5", true, false},
		{old + "a=sendonly\r\n", "inactive", "5", true, false},
		{plainOffer + "a=recvonly\r\n", "sendonly", "6", false, true},
		{plainOffer + "a=sendrecv\r\n", "sendrecv", "7", false, false},
	} {
		version, direction := c.mustReoffer(t, bumped(step.offer, 2+i))
		if direction != step.want || version != step.version || c.OnHold() != step.hold {
			t.Errorf("step %d: version %s, %s, on hold %v; want %+v", i, version, direction, c.OnHold(), step)
		}
		if c.agreed.Remote.String() != "192.0.2.1:4000" {
			t.Errorf("step %d: the address %v was not kept", i, c.agreed.Remote)
		}
		select {
		case on := <-c.Held():
			if !step.told || on != step.hold {
				t.Errorf("step %d: told %v", i, on)
			}
		default:
			if step.told {
				t.Errorf("step %d: not told", i)
			}
		}
	}
}

// Who looks late sees the latest state, and only that.
func TestHeldHoldsTheLatest(t *testing.T) {
	c := negotiating(t)
	for i := range 4 {
		c.mustReoffer(t, plainOffer+"a="+[]string{"sendonly", "sendrecv"}[i%2]+"\r\n")
	}
	c.mustReoffer(t, plainOffer+"a=inactive\r\n")
	if on := <-c.Held(); !on || len(c.Held()) != 0 {
		t.Errorf("told %v, and more", on)
	}
}

func TestReofferIsMet(t *testing.T) {
	for name, tc := range map[string]struct {
		offer, version string
		check          func(sdp.Negotiated) bool
	}{
		"refresh":      {bumped(plainOffer, 2), "1", func(n sdp.Negotiated) bool { return n.Law == transcode.PCMA }},
		"narrowed":     {strings.Replace(plainOffer, "8 0 101", "8 101", 1), "1", func(n sdp.Negotiated) bool { return n.Law == transcode.PCMA }},
		"codec":        {strings.Replace(plainOffer, "8 0 101", "0 101", 1), "2", func(n sdp.Negotiated) bool { return n.Law == transcode.PCMU }},
		"codec order":  {strings.Replace(plainOffer, "8 0 101", "0 8 101", 1), "2", func(n sdp.Negotiated) bool { return n.Law == transcode.PCMU }},
		"port":         {strings.Replace(plainOffer, "4000", "4002", 1), "1", func(n sdp.Negotiated) bool { return n.Remote.Port() == 4002 }},
		"address":      {strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.9", 1), "1", func(n sdp.Negotiated) bool { return n.Remote.Addr().String() == "192.0.2.9" }},
		"ptime":        {plainOffer + "a=ptime:30\r\n", "2", func(n sdp.Negotiated) bool { return n.PTime == 30*time.Millisecond }},
		"no digits":    {strings.Replace(plainOffer, " 101\r\n", "\r\n", 1), "2", func(n sdp.Negotiated) bool { return n.EventPT == -1 }},
		"other digits": {strings.ReplaceAll(plainOffer, "101", "96"), "2", func(n sdp.Negotiated) bool { return n.EventPT == 96 }},
		"fax refused":  {plainOffer + "m=image 0 udptl t38\r\n", "2", func(sdp.Negotiated) bool { return true }},
		"another user": {strings.Replace(plainOffer, "o=- 1 1", "o=pbx 9 9", 1), "1", func(sdp.Negotiated) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			c := negotiating(t)
			if version, _ := c.mustReoffer(t, tc.offer); version != tc.version || !tc.check(c.agreed) {
				t.Errorf("version %s, agreed %+v", version, c.agreed)
			}
			if c.OnHold() || len(c.Held()) != 0 {
				t.Error("on hold")
			}
		})
	}
}

func TestReofferIsRefused(t *testing.T) {
	c := negotiating(t)
	c.trunk.MediaNetworks = prefixes("192.0.2.0/24")
	c.mustReoffer(t, plainOffer+"a=sendonly\r\n")
	agreed, local, last := c.agreed, c.local.Version, string(c.last)
	for name, offer := range map[string]string{
		"switched off":   strings.Replace(plainOffer, "m=audio 4000", "m=audio 0", 1),
		"nonsense":       "m=audio\r\n",
		"fax only":       "c=IN IP4 192.0.2.1\r\nm=image 4000 udptl t38\r\n",
		"only G.729":     strings.Replace(plainOffer, "8 0 101", "18", 1),
		"encrypted":      strings.Replace(plainOffer, "RTP/AVP", "RTP/SAVP", 1),
		"loopback":       strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 127.0.0.1", 1),
		"a third party":  strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 198.51.100.1", 1),
		"multicast":      strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 224.0.0.1", 1),
		"host name":      strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 pbx.test", 1),
		"another family": strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP6 2001:db8::1", 1),
		"stereo":         strings.Replace(plainOffer, "8 0 101\r\n", "96\r\na=rtpmap:96 PCMA/8000/2\r\n", 1),
	} {
		if answer, err := c.reoffer([]byte(offer)); err == nil {
			t.Errorf("%s: met with\n%s", name, answer)
		}
	}
	if c.agreed != agreed || c.local.Version != local || string(c.last) != last || !c.OnHold() {
		t.Errorf("a refused offer changed the call: %+v", c.agreed)
	}
}

// A re-INVITE without an offer is how some exchanges resume.
func TestResumeByLateOffer(t *testing.T) {
	c := negotiating(t)
	if offer := c.lateOffer(); string(offer) != string(c.answer) {
		t.Errorf("a refresh without an offer gets\n%s", offer)
	}
	c.lateAnswer([]byte(strings.Replace(plainOffer, "8 0 101", "8 101", 1)))
	c.mustReoffer(t, plainOffer+"a=inactive\r\nm=image 5 udptl t38\r\n")
	offer := c.lateOffer()
	if versionOf(offer) != "3" || directionOf(offer) != "sendrecv" || !strings.Contains(string(offer), "m=image 0 udptl t38") || !c.OnHold() {
		t.Errorf("offered, on hold %v:\n%s", c.OnHold(), offer)
	}
	for _, bad := range []string{"nonsense", "m=audio\r\n", strings.Replace(plainOffer, "8 0 101", "0", 1), strings.Replace(plainOffer, "4000", "0", 1),
		strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 127.0.0.1", 1)} {
		if c.lateAnswer([]byte(bad)); !c.OnHold() {
			t.Errorf("resumed by %q", bad)
		}
	}
	c.lateAnswer([]byte(strings.Replace(plainOffer, "4000 RTP/AVP 8 0", "4002 RTP/AVP 8", 1)))
	if c.OnHold() || c.agreed.Remote.Port() != 4002 {
		t.Errorf("not resumed: %+v", c.agreed)
	}
	if version, direction := c.mustReoffer(t, strings.Replace(plainOffer, "4000", "4002", 1)+"m=image 5 udptl t38\r\n"); version != "3" || direction != "sendrecv" {
		t.Errorf("version %s, %s after the same from us", version, direction)
	}
}

// A new offer may be faster than the start of the audio. The handler's law is that of
// the INVITE all the same.
func TestReofferBeforeTheAudio(t *testing.T) {
	phone := newWirePhone(t)
	local := strings.NewReplacer("192.0.2.1", "127.0.0.1", "4000", phone.port()).Replace(plainOffer)
	c := offered(t, local)
	c.info.Source = netip.MustParseAddrPort("127.0.0.1:5060")
	c.mustReoffer(t, strings.Replace(local, "8 0 101", "0 101", 1)+"a=sendonly\r\n")
	if c.OnHold() {
		t.Error("told before the answer")
	}
	if err := c.startMedia(); err != nil || !c.OnHold() || !<-c.Held() {
		t.Errorf("not on hold: %v", err)
	}
	eventually(t, "the hold is in force", func() bool { return c.media.Stats().HeldFrames > 0 })
	c.media.Play(1, bytes.Repeat([]byte{0x31}, 1600))
	c.mustReoffer(t, strings.Replace(local, "8 0 101", "0 101", 1))
	want := whole(transcode.Table(transcode.PCMA, transcode.PCMU)[0x31])
	phone.hear(func(p *rtp.Packet) bool { return p.PayloadType == 0 && want(p) })
}

// The trust in the trunk's own address does not pass to where a new offer points.
func TestTrustIsPerAddress(t *testing.T) {
	c := negotiating(t)
	if d := c.mediaParams(c.agreed).UnprovenFor; d >= 0 {
		t.Errorf("the trunk's own address is sent audio for %v only", d)
	}
	c.mustReoffer(t, strings.Replace(plainOffer, "c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.9", 1))
	if d := c.mediaParams(c.agreed).UnprovenFor; d < 0 {
		t.Error("another address is sent audio for ever")
	}
}

func TestOnlyStrangeMediaAddressesNeedProof(t *testing.T) {
	source := netip.MustParseAddr("192.0.2.1")
	if d := unprovenFor(netip.MustParseAddr("::ffff:192.0.2.1"), source); d >= 0 {
		t.Errorf("the trunk's own address is sent audio for %v only", d)
	}
	if d := unprovenFor(netip.MustParseAddr("192.0.2.2"), source); d < 0 {
		t.Error("an address that the offer merely names is sent audio for ever")
	}
}
