package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

var testLocal = Local{Addr: netip.MustParseAddr("198.51.100.2"), Port: 20002, SessionID: 77, Version: 1}

// Offers in the shape that well-known peers send them, and the answer each deserves.
var peers = []struct {
	name, offer string
	want        Negotiated
	answer      []string // the m= and a= lines of our answer
}{
	{
		name: "DIDWW trunk with T.38",
		offer: lines("v=0", "o=didww 1234567890 1 IN IP4 203.0.113.10", "s=-", "c=IN IP4 203.0.113.10", "t=0 0",
			"m=audio 31000 RTP/AVP 8 0 18 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no",
			"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv", "a=ptime:20",
			"m=image 31002 udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400"),
		want: Negotiated{Law: transcode.PCMA, PayloadType: 8, EventPT: 101, PTime: 20 * time.Millisecond, Remote: netip.MustParseAddrPort("203.0.113.10:31000")},
		answer: []string{"m=audio 20002 RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv",
			"m=image 0 udptl t38"},
	},
	{
		name: "FreeSWITCH",
		offer: lines("v=0", "o=FreeSWITCH 1700000000 1700000001 IN IP4 203.0.113.20", "s=FreeSWITCH", "c=IN IP4 203.0.113.20", "t=0 0",
			"m=audio 24680 RTP/AVP 102 9 0 8 103 101 13", "a=rtpmap:102 opus/48000/2", "a=fmtp:102 useinbandfec=1", "a=rtpmap:9 G722/8000", "a=rtpmap:0 PCMU/8000",
			"a=rtpmap:8 PCMA/8000", "a=rtpmap:103 telephone-event/48000", "a=fmtp:103 0-16", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=rtpmap:13 CN/8000",
			"a=ptime:20", "a=rtcp:24681 IN IP4 203.0.113.20"),
		want:   Negotiated{Law: transcode.PCMU, PayloadType: 0, EventPT: 101, PTime: 20 * time.Millisecond, Remote: netip.MustParseAddrPort("203.0.113.20:24680"), RTCP: netip.MustParseAddrPort("203.0.113.20:24681")},
		answer: []string{"m=audio 20002 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv"},
	},
	{
		name: "baresip",
		offer: lines("v=0", "o=- 3855555555 1234 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "a=tool:baresip 1.0.0",
			"m=audio 10020 RTP/AVP 0 8 101", "b=AS:128", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
			"a=rtcp:10021", "a=rtcp-rsize", "a=ssrc:123 cname:x@y", "a=sendrecv", "a=label:1", "a=ptime:20"),
		want:   Negotiated{Law: transcode.PCMU, PayloadType: 0, EventPT: 101, PTime: 20 * time.Millisecond, Remote: netip.MustParseAddrPort("127.0.0.1:10020"), RTCP: netip.MustParseAddrPort("127.0.0.1:10021")},
		answer: []string{"m=audio 20002 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv"},
	},
	{
		name:   "sipp default",
		offer:  lines("v=0", "o=user1 53655765 2353687637 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 6000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"),
		want:   Negotiated{Law: transcode.PCMU, PayloadType: 0, EventPT: -1, PTime: 20 * time.Millisecond, Remote: netip.MustParseAddrPort("127.0.0.1:6000")},
		answer: []string{"m=audio 20002 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv"},
	},
	{
		name: "linphone with video first",
		offer: lines("v=0", "o=alice 2890 1987 IN IP6 2001:db8::5", "s=Talk", "c=IN IP6 2001:db8::5", "t=0 0", "a=rtcp-xr:rcvr-rtt=all:10000",
			"m=video 9078 RTP/AVP 96", "a=rtpmap:96 VP8/90000",
			"m=audio 7078 RTP/AVP 98 99 0 100", "a=rtpmap:98 speex/16000", "a=fmtp:98 vbr=on", "a=rtpmap:99 telephone-event/16000", "a=rtpmap:100 telephone-event/8000"),
		want: Negotiated{Law: transcode.PCMU, PayloadType: 0, EventPT: 100, PTime: 20 * time.Millisecond, Remote: netip.MustParseAddrPort("[2001:db8::5]:7078")},
		answer: []string{"m=video 0 RTP/AVP 96", "m=audio 20002 RTP/AVP 0 100", "a=rtpmap:0 PCMU/8000", "a=rtpmap:100 telephone-event/8000", "a=fmtp:100 0-16",
			"a=ptime:20", "a=sendrecv"},
	},
	{
		name: "Asterisk with maxptime and a dynamic number",
		offer: lines("v=0", "o=- 1187 1187 IN IP4 203.0.113.30", "s=Asterisk", "c=IN IP4 203.0.113.30", "t=0 0",
			"m=audio 18000 RTP/AVP 107 97", "a=rtpmap:107 pcma/8000/1", "a=rtpmap:97 Telephone-Event/8000", "a=maxptime:30", "a=ptime:40", "a=sendonly"),
		want: Negotiated{Law: transcode.PCMA, PayloadType: 107, EventPT: 97, PTime: 30 * time.Millisecond, Direction: RecvOnly,
			Remote: netip.MustParseAddrPort("203.0.113.30:18000")},
		answer: []string{"m=audio 20002 RTP/AVP 107 97", "a=rtpmap:107 PCMA/8000", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-16", "a=ptime:30", "a=recvonly"},
	},
}

func TestAnswerRealPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			n, body, err := Answer(mustParse(t, p.offer), testLocal)
			if err != nil {
				t.Fatal(err)
			}
			if n != p.want {
				t.Errorf("negotiated %+v\nwant       %+v", n, p.want)
			}
			head := lines("v=0", "o=- 77 1 IN IP4 198.51.100.2", "s=-", "c=IN IP4 198.51.100.2", "t=0 0")
			if want := head + lines(p.answer...); string(body) != want {
				t.Errorf("answer:\n%s\nwant:\n%s", body, want)
			}
			again, err := Negotiate(&Session{Media: audioOnly(mustParse(t, string(body)))}, Local{})
			if err != nil || again.Law != n.Law || again.PayloadType != n.PayloadType || again.Direction != n.Direction.Mirror() {
				t.Errorf("our own answer reads back as %+v, %v", again, err)
			}
		})
	}
}

func audioOnly(s *Session) (audio []Media) {
	for _, m := range s.Media {
		if m.Type == "audio" {
			audio = append(audio, m)
		}
	}
	return audio
}

func TestAnswerRefusals(t *testing.T) {
	c := "c=IN IP4 192.0.2.1"
	for name, tc := range map[string]struct {
		offer string
		want  *Refusal
	}{
		"empty":                     {"", ErrNoAudio},
		"only fax":                  {lines(c, "m=image 5000 udptl t38"), ErrNoAudio},
		"audio switched off":        {lines(c, "m=audio 0 RTP/AVP 0"), ErrNoAudio},
		"only SRTP, and no key":     {lines(c, "m=audio 5000 RTP/SAVP 0"), ErrCrypto},
		"only SRTP by DTLS":         {lines(c, "m=audio 5000 UDP/TLS/RTP/SAVP 0"), ErrTransport},
		"only G.729":                {lines(c, "m=audio 5000 RTP/AVP 18"), ErrNoCodec},
		"PCMU at 16 kHz":            {lines(c, "m=audio 5000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"), ErrNoCodec},
		"stereo PCMU":               {lines(c, "m=audio 5000 RTP/AVP 96", "a=rtpmap:96 PCMU/8000/2"), ErrNoCodec},
		"0 is something else":       {lines(c, "m=audio 5000 RTP/AVP 0", "a=rtpmap:0 G729/8000"), ErrNoCodec},
		"no formats":                {lines(c, "m=audio 5000 RTP/AVP"), ErrNoCodec},
		"SRTP first, then no codec": {lines(c, "m=audio 5000 RTP/SAVP 0", "m=audio 5002 RTP/AVP 18"), ErrNoCodec},
		"no address":                {lines("m=audio 5000 RTP/AVP 0"), ErrNoAddress},
		"host name":                 {lines("c=IN IP4 media.example.com", "m=audio 5000 RTP/AVP 0"), ErrHostName},
		"scoped address":            {lines("c=IN IP6 fe80::1%eth0", "m=audio 5000 RTP/AVP 0"), ErrHostName},
	} {
		t.Run(name, func(t *testing.T) {
			_, body, err := Answer(mustParse(t, tc.offer), testLocal)
			if !errors.Is(err, tc.want) || body != nil {
				t.Errorf("err = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestAnswerTakesTheFirstUsableStream(t *testing.T) {
	offer := lines("c=IN IP4 192.0.2.1", "m=audio 5000 RTP/SAVP 0", "m=audio 5002 RTP/AVP 18", "m=audio 5004 RTP/AVP 0", "m=audio 5006 RTP/AVP 8", "m=x 1 y")
	n, body, err := Answer(mustParse(t, offer), testLocal)
	if err != nil || n.Remote.Port() != 5004 {
		t.Fatalf("remote %v, err %v", n.Remote, err)
	}
	var got []string
	for l := range strings.Lines(string(body)) {
		if strings.HasPrefix(l, "m=") {
			got = append(got, strings.TrimSpace(l))
		}
	}
	want := []string{"m=audio 0 RTP/SAVP 0", "m=audio 0 RTP/AVP 18", "m=audio 20002 RTP/AVP 0", "m=audio 0 RTP/AVP 8", "m=x 0 y 0"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("streams %q, want %q", got, want)
	}
}

func TestAnswerLawsFollowTheOffer(t *testing.T) {
	offer := mustParse(t, lines("c=IN IP4 192.0.2.1", "m=audio 5000 RTP/AVP 0 8"))
	local := testLocal
	local.Laws = []transcode.Law{transcode.PCMA, transcode.PCMU}
	if n, _, _ := Answer(offer, local); n.Law != transcode.PCMU {
		t.Errorf("law %v, want the offerer's first", n.Law)
	}
	local.Laws = local.Laws[:1]
	if n, _, _ := Answer(offer, local); n.Law != transcode.PCMA {
		t.Errorf("law %v, want the only one allowed", n.Law)
	}
}

func TestAnswerMirrorsDirection(t *testing.T) {
	for offered, want := range map[string]Direction{
		"sendrecv": SendRecv, "sendonly": RecvOnly, "recvonly": SendOnly, "inactive": Inactive,
	} {
		n, body, err := Answer(mustParse(t, lines("c=IN IP4 192.0.2.1", "m=audio 5000 RTP/AVP 0", "a="+offered)), testLocal)
		if err != nil || n.Direction != want || !strings.Contains(string(body), "a="+want.String()+"\r\n") {
			t.Errorf("%s: got %v, want %v (%v)", offered, n.Direction, want, err)
		}
	}
	for _, old := range []string{"c=IN IP4 0.0.0.0", "c=IN IP6 ::"} {
		for _, offered := range []string{"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive", ""} {
			n, body, err := Answer(mustParse(t, lines(old, "m=audio 5000 RTP/AVP 0", offered)), testLocal)
			if err != nil || n.Direction != Inactive || n.Direction.Sends() || !strings.Contains(string(body), "a=inactive\r\n") || UsableAddr(n.Remote.Addr()) {
				t.Errorf("old hold with %q: got %v, want inactive (%v)", offered, n.Direction, err)
			}
		}
	}
}

func TestAnswerPacketTime(t *testing.T) {
	for attrs, want := range map[string]time.Duration{
		"":                            20,
		"a=ptime:10":                  10,
		"a=ptime:30":                  30,
		"a=ptime:60":                  60,
		"a=ptime:5":                   10,
		"a=ptime:100":                 60,
		"a=ptime:25":                  20,
		"a=ptime:0":                   20,
		"a=maxptime:10":               10,
		"a=maxptime:150":              20,
		"a=ptime:40\r\na=maxptime:":   40,
		"a=ptime:40\r\na=maxptime:20": 20,
	} {
		n, _, err := Answer(mustParse(t, lines("c=IN IP4 192.0.2.1", "m=audio 5000 RTP/AVP 0", attrs)), testLocal)
		if err != nil || n.PTime != want*time.Millisecond {
			t.Errorf("%q: ptime %v, want %d ms (%v)", attrs, n.PTime, want, err)
		}
	}
}

func TestAnswerIsStable(t *testing.T) {
	offer := mustParse(t, peers[0].offer)
	_, one, _ := Answer(offer, testLocal)
	_, two, _ := Answer(mustParse(t, strings.Replace(peers[0].offer, " 1 IN", " 2 IN", 1)), testLocal)
	if string(one) != string(two) {
		t.Error("the answer changed although the media did not")
	}
}

func TestAnswerWritesIPv6(t *testing.T) {
	local := testLocal
	local.Addr = netip.MustParseAddr("2001:db8::2")
	_, body, err := Answer(mustParse(t, peers[3].offer), local)
	if err != nil || !strings.Contains(string(body), "c=IN IP6 2001:db8::2\r\n") {
		t.Errorf("answer %q, err %v", body, err)
	}
}

func TestOfferAndNegotiate(t *testing.T) {
	local := Local{Addr: netip.MustParseAddr("127.0.0.1"), Port: 4000, Laws: []transcode.Law{transcode.PCMA}, SessionID: 1, Version: 1}
	offer := mustParse(t, string(Offer(local)))
	n, body, err := Answer(offer, testLocal)
	if err != nil || n.Law != transcode.PCMA || n.EventPT != 101 || n.Remote.String() != "127.0.0.1:4000" {
		t.Fatalf("answering our own offer: %+v, %v", n, err)
	}
	back, err := Negotiate(mustParse(t, string(body)), local)
	if err != nil || back.Law != transcode.PCMA || back.Remote.String() != "198.51.100.2:20002" || back.EventPT != 101 {
		t.Errorf("reading the answer: %+v, %v", back, err)
	}
	for want, answer := range map[*Refusal]string{
		ErrNoCodec: lines("c=IN IP4 192.0.2.1", "m=audio 5000 RTP/AVP 0"),
		ErrNoAudio: lines("c=IN IP4 192.0.2.1", "m=image 5000 udptl t38", "m=audio 5000 RTP/AVP 8"),
	} {
		if _, err := Negotiate(mustParse(t, answer), local); !errors.Is(err, want) {
			t.Errorf("err = %v, want %v", err, want)
		}
	}
	if _, err := Negotiate(&Session{}, local); !errors.Is(err, ErrNoAudio) {
		t.Errorf("empty answer: %v", err)
	}
}

func TestReofferKeepsThePlaces(t *testing.T) {
	last := mustParse(t, lines("c=IN IP4 192.0.2.1", "m=video 9 RTP/AVP 96", "m=audio 5000 RTP/AVP 18", "m=audio 5002 RTP/AVP 0 8 97", "a=rtpmap:97 telephone-event/8000",
		"a=sendonly", "m=image 5004 udptl t38"))
	agreed, _, err := Answer(last, testLocal)
	if err != nil || agreed.Direction != RecvOnly {
		t.Fatalf("%+v, %v", agreed, err)
	}
	local := testLocal
	local.Version = 2
	want := lines("v=0", "o=- 77 2 IN IP4 198.51.100.2", "s=-", "c=IN IP4 198.51.100.2", "t=0 0", "m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 18",
		"m=audio 20002 RTP/AVP 0 97", "a=rtpmap:0 PCMU/8000", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-16", "a=ptime:20", "a=sendrecv", "m=image 0 udptl t38")
	if got := Reoffer(last, agreed, local); string(got) != want {
		t.Errorf("offer:\n%s\nwant:\n%s", got, want)
	}
	if got := Reoffer(mustParse(t, "m=image 5004 udptl t38\r\n"), agreed, local); got != nil {
		t.Errorf("offer %q for a call without audio", got)
	}
	head := []string{"c=IN IP4 192.0.2.9", "m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 18"}
	n, err := Renegotiate(mustParse(t, lines(append(head, "m=audio 6000 RTP/AVP 0", "a=recvonly", "m=image 0 udptl t38")...)), last, agreed, testLocal)
	if err != nil || n.Direction != SendOnly || n.Remote.String() != "192.0.2.9:6000" || n.EventPT != -1 {
		t.Errorf("answer read as %+v, %v", n, err)
	}
	for name, tc := range map[string]struct {
		lines []string
		want  error
	}{
		"place empty":   {head, ErrNoAudio},
		"switched off":  {append(head, "m=audio 0 RTP/AVP 0"), ErrNoAudio},
		"another codec": {append(head, "m=audio 6000 RTP/AVP 8"), ErrNoCodec},
		"nothing":       {nil, ErrNoAudio},
	} {
		if _, err := Renegotiate(mustParse(t, lines(tc.lines...)), last, agreed, testLocal); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUsableAddr(t *testing.T) {
	for addr, want := range map[string]bool{
		"192.0.2.1": true, "127.0.0.1": true, "2001:db8::1": true, "::ffff:192.0.2.1": true,
		"0.0.0.0": false, "::": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "::ffff:224.0.0.1": false,
	} {
		if got := UsableAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("UsableAddr(%s) = %v", addr, got)
		}
	}
	if UsableAddr(netip.Addr{}) {
		t.Error("the zero address is usable")
	}
}

// FuzzAnswer holds any body to the rules that must survive hostile input: no panic,
// as many streams in the answer as in the offer, at most one of them open, and an
// answer that this package can read itself.
func FuzzAnswer(f *testing.F) {
	for _, p := range peers {
		f.Add([]byte(p.offer))
	}
	f.Add([]byte("m=audio 1 RTP/AVP\rm=x 0 y\r\nc=IN IP4 1.2.3.4\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		offer, err := Parse(body)
		if err != nil {
			return
		}
		n, answer, err := Answer(offer, testLocal)
		if err != nil {
			return
		}
		if n.PTime < minPTime || n.PTime > maxPTime || n.PayloadType < 0 || n.PayloadType > 127 || n.EventPT < -1 || n.EventPT > 127 {
			t.Fatalf("negotiated %+v", n)
		}
		if len(answer) > 4*len(body)+1024 {
			t.Fatalf("answer of %d bytes to an offer of %d", len(answer), len(body))
		}
		back, err := Parse(answer)
		if err != nil || len(back.Media) != len(offer.Media) {
			t.Fatalf("answer has %d streams for %d: %v", len(back.Media), len(offer.Media), err)
		}
		open := 0
		for _, m := range back.Media {
			if m.Port != 0 {
				open++
			}
		}
		if open != 1 {
			t.Fatalf("%d streams open", open)
		}
		again, err := Parse(Reoffer(offer, n, testLocal))
		if err != nil || len(again.Media) != len(offer.Media) {
			t.Fatalf("our own offer has %d streams for %d: %v", len(again.Media), len(offer.Media), err)
		}
		if _, err := Renegotiate(again, offer, n, testLocal); err != nil {
			t.Fatalf("our own offer as its answer: %v", err)
		}
	})
}
