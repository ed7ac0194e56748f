package telephony

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
)

const (
	cm80 = "AES_CM_128_HMAC_SHA1_80"
	gcm  = "AEAD_AES_128_GCM"
)

// keyText is a key of theirs as SDP has it, n bytes that differ by seed.
func keyText(seed byte, n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed, 7}, n/2))
}

func cryptoLine(tag int, suite string, seed byte) string {
	n := map[string]int{cm80: 30, gcm: 28}[suite]
	return fmt.Sprintf("a=crypto:%d %s inline:%s\r\n", tag, suite, keyText(seed, n))
}

// secureOffer is plainOffer under RTP/SAVP with keys.
func secureOffer(lines ...string) string {
	return strings.Replace(plainOffer, "RTP/AVP", "RTP/SAVP", 1) + strings.Join(lines, "")
}

// ourKey is the crypto line of a description of ours.
func ourKey(description []byte) string {
	_, rest, _ := strings.Cut(string(description), "a=crypto:")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

func (c *Call) answerTo(t *testing.T, offer string) string {
	t.Helper()
	answer, err := c.reoffer([]byte(offer))
	if err != nil {
		t.Fatalf("%v\n%s", err, offer)
	}
	return ourKey(answer)
}

// Our key stays while the suite does, with the version of the text, whatever else changes;
// a suite that comes back has a new one.
func TestOurKeyIsStable(t *testing.T) {
	c := offered(t, secureOffer(cryptoLine(4, cm80, 1)))
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	first := ourKey(c.answer)
	if !strings.HasPrefix(first, "4 "+cm80+" inline:") || c.SRTP() != cm80 {
		t.Fatalf("answered %q", first)
	}
	for name, offer := range map[string]string{
		"a refresh":          secureOffer(cryptoLine(4, cm80, 1)),
		"a hold":             secureOffer(cryptoLine(4, cm80, 1), "a=sendonly\r\n"),
		"another key":        secureOffer(cryptoLine(4, cm80, 2)),
		"another codec":      strings.Replace(secureOffer(cryptoLine(4, cm80, 2)), "8 0 101", "0 101", 1),
		"another preference": secureOffer(cryptoLine(4, cm80, 2), cryptoLine(5, gcm, 2)),
	} {
		if got := c.answerTo(t, offer); got != first {
			t.Errorf("%s: our key changed", name)
		}
	}
	c.mustReoffer(t, secureOffer(cryptoLine(4, cm80, 1)))
	version := c.local.Version
	if v, _ := c.mustReoffer(t, secureOffer(cryptoLine(4, cm80, 1))); v != fmt.Sprint(version) {
		t.Error("a refresh has another version")
	}
	if offer := c.lateOffer(); ourKey(offer) != first || !strings.Contains(string(offer), "RTP/SAVP") {
		t.Errorf("offered\n%s", offer)
	}
	c.lateAnswer([]byte(secureOffer(cryptoLine(4, cm80, 9))))
	if c.agreed.SRTP.Receive != sdp.NewKey([]byte(strings.Repeat("\x09\x07", 15))) {
		t.Error("the key of a late answer is not taken")
	}
	other := c.answerTo(t, secureOffer(cryptoLine(1, gcm, 3)))
	if !strings.HasPrefix(other, "1 "+gcm) || c.SRTP() != gcm || c.media.Stats().SRTP != gcm {
		t.Errorf("answered %q, %q in force", other, c.SRTP())
	}
	if back := c.answerTo(t, secureOffer(cryptoLine(4, cm80, 1))); back == first || !strings.HasPrefix(back, "4 "+cm80) {
		t.Errorf("the used up key is back: %v", back == first)
	}
	if again := c.answerTo(t, secureOffer(cryptoLine(1, gcm, 3))); again == other {
		t.Error("the other one too")
	}
}

// What the policy allows in the middle of a call, and that a refusal leaves it as it was.
func TestReofferByPolicy(t *testing.T) {
	secure, plain := secureOffer(cryptoLine(1, cm80, 1)), plainOffer
	for _, tc := range []struct {
		policy      SRTPPolicy
		begin, next string
		want        string // suite after next; "refused"
	}{
		{SRTPOptional, secure, plain, ""},
		{SRTPOptional, plain, secure, cm80},
		{SRTPOptional, plain, plain + cryptoLine(2, gcm, 1), gcm},
		{SRTPOptional, secure, secureOffer(), "refused"},
		{SRTPRequired, secure, plain, "refused"},
		{SRTPRequired, secure, plain + cryptoLine(2, gcm, 1), gcm},
		{SRTPRequired, secure, secureOffer(cryptoLine(1, cm80, 1) + "a=crypto:1"), cm80},
		{SRTPOff, plain, secure, "refused"},
		{SRTPOff, plain + cryptoLine(1, cm80, 1), plain + cryptoLine(1, cm80, 1), ""},
	} {
		c := offeredBy(t, tc.begin, tc.policy)
		if err := c.startMedia(); err != nil {
			t.Fatal(err)
		}
		before := c.agreed
		_, err := c.reoffer([]byte(tc.next))
		switch {
		case tc.want == "refused":
			if err == nil || c.agreed != before {
				t.Errorf("%v: %q is met after %q", tc.policy, tc.next, tc.begin)
			}
		case err != nil || c.SRTP() != tc.want || c.media.Stats().SRTP != tc.want:
			t.Errorf("%v: after %q: %q, %v", tc.policy, tc.next, c.SRTP(), err)
		}
	}
}

// offeredBy is offered under a policy.
func offeredBy(t *testing.T, text string, policy SRTPPolicy) *Call {
	t.Helper()
	c := offered(t, text)
	c.local.SRTP = policy
	var err error
	if c.opening, c.answer, err = sdp.Answer(c.offer, c.local); err != nil {
		t.Fatal(err)
	}
	c.agreed, c.last = c.opening, c.answer
	return c
}

// A downgrade by a late answer is refused too: the call goes on encrypted.
func TestLateAnswerCannotDowngrade(t *testing.T) {
	c := offeredBy(t, secureOffer(cryptoLine(1, cm80, 1)), SRTPRequired)
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	c.lateOffer()
	for _, answer := range []string{plainOffer, secureOffer(), secureOffer(cryptoLine(2, cm80, 1)), secureOffer(cryptoLine(1, gcm, 1))} {
		if c.lateAnswer([]byte(answer)); c.SRTP() != cm80 || c.agreed != c.opening {
			t.Errorf("taken: %q", answer)
		}
	}
}

func TestRequiredSRTPNeedsTLS(t *testing.T) {
	trunk := Trunk{Name: "a", SRTP: SRTPRequired, Sources: prefixes("192.0.2.0/24")}
	for listen, ok := range map[string]bool{"udp://:5060": false, "tcp://:5060": false, "tls://:5061": true, "TLS://:5061": true} {
		err := Config{SIP: SIP{Listen: []string{listen}}, Trunks: []Trunk{trunk}}.check()
		var config *ConfigError
		if ok != (err == nil) || err != nil && (!errors.As(err, &config) || config.Field != "trunks[0].srtp") {
			t.Errorf("%s: %v", listen, err)
		}
	}
	optional := Trunk{}
	for _, transport := range []string{"udp", "tcp", "tls"} {
		if trunk.allowsTransport(transport) != (transport == "tls") || !optional.allowsTransport(transport) {
			t.Errorf("a call over %s", transport)
		}
	}
	trunk.SRTP = 9
	if err := (Config{SIP: SIP{Listen: []string{"tls://:5061"}}, Trunks: []Trunk{trunk}}).check(); err == nil {
		t.Error("a policy that is none")
	}
}

// A call says nothing of its keys, however it is logged.
func TestLogsHoldNoKeys(t *testing.T) {
	var b bytes.Buffer
	c := offered(t, secureOffer(cryptoLine(1, cm80, 'k')))
	c.log = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.logStart()
	if err := c.startMedia(); err != nil {
		t.Fatal(err)
	}
	c.mustReoffer(t, secureOffer(cryptoLine(1, gcm, 'k')))
	c.lateAnswer([]byte(secureOffer(cryptoLine(9, gcm, 'k'))))
	c.log.Info("all", "agreed", c.agreed, "params", c.mediaParams(c.agreed), "local", c.local)
	text := b.String()
	_, inline, _ := strings.Cut(ourKey(c.last), "inline:")
	for _, secret := range []string{"k\a", keyText('k', 30)[:8], inline[:8], "6b07", "inline"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in\n%s", secret, text)
		}
	}
	if !strings.Contains(text, gcm) {
		t.Errorf("no suite in\n%s", text)
	}
}

func TestSRTPParams(t *testing.T) {
	if got := srtpParams(sdp.SRTP{}); got != (media.SRTP{}) {
		t.Errorf("%v", got)
	}
	c := offered(t, secureOffer(cryptoLine(1, cm80, 1)))
	p := c.mediaParams(c.agreed).SRTP
	if p.Suite != cm80 || len(p.Send) != 30 || p.Receive != strings.Repeat("\x01\x07", 15) || p.Send == p.Receive {
		t.Errorf("%v", p)
	}
}
