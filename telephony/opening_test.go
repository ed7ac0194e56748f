package telephony

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/trunkline/trunkline/transcode"
)

// An INVITE without offer: ours goes out, and the audio begins with the answer in the
// ACK, in whichever law that names.
func TestSippLateOffer(t *testing.T) {
	for codec, law := range map[string]transcode.Law{"0": transcode.PCMU, "8": transcode.PCMA} {
		phone := newWirePhone(t)
		ends := make(chan *Ended, 1)
		s := start(t, Config{Trunks: transferring}, func(ctx context.Context, c *Call) {
			if c.Info().Law != transcode.PCMU {
				t.Errorf("the handler's law is %v", c.Info().Law)
			}
			c.Media().Play(1, bytes.Repeat([]byte{0x31}, 160*50*10))
			if err := c.Answer(ctx); err != nil {
				t.Error(err)
			}
			want := transcode.Table(transcode.PCMU, law)[0x31]
			phone.hear(func(p *rtp.Packet) bool { return p.PayloadType == law.PayloadType() && whole(want)(p) })
			cue(t, c)
			<-ctx.Done()
			ends <- c.Ended()
		})
		sipp(t, "late_offer", "udp", s, map[string]string{"codec": codec, "mediaport": phone.port()})
		if e := recv(t, ends); !errors.Is(e, ErrHungUp) {
			t.Errorf("ended %+v", e)
		}
	}
}

// An ACK that brings nothing usable ends the call, and not one packet was sent.
func TestSippLateOfferFails(t *testing.T) {
	const sdp = "    Content-Type: application/sdp\n    Content-Length: [len]\n\n    v=0\n    o=- 1 1 IN IP4 127.0.0.1\n    s=-\n    c=IN IP4 %\n    t=0 0\n    m=audio 6000 RTP/AVP #\n"
	at := func(addr, codec string) string {
		return string(bytes.ReplaceAll(bytes.ReplaceAll([]byte(sdp), []byte("%"), []byte(addr)), []byte("#"), []byte(codec)))
	}
	for name, body := range map[string]string{
		"no answer":       "    Content-Length: 0\n\n",
		"another codec":   at("127.0.0.1", "18"),
		"foreign address": at("192.0.2.77", "0"),
		"no description":  "    Content-Type: application/sdp\n    Content-Length: [len]\n\n    hello\n",
	} {
		t.Run(name, func(t *testing.T) {
			ends := make(chan *Ended, 1)
			s := start(t, Config{Trunks: []Trunk{{Name: "carrier", Sources: prefixes("127.0.0.0/8"), MediaNetworks: prefixes("127.0.0.0/8")}}}, func(ctx context.Context, c *Call) {
				if err := c.Answer(ctx); !errors.Is(err, ErrNoDescription) {
					t.Errorf("Answer: %v", err)
				}
				if sent := c.Media().Stats().PacketsOut; sent != 0 {
					t.Errorf("%d packets sent", sent)
				}
				ends <- c.Ended()
			})
			sipp(t, "late_offer_bad", "udp", s, map[string]string{"ackbody": body})
			if e := recv(t, ends); e.By != System || e.SIP != 488 || e.Q850 != 88 {
				t.Errorf("ended %+v", e)
			}
		})
	}
}

// A call that begins on hold, without an address, is taken; it resumes at an address that
// is checked like any other, and with either law.
func TestSippBeginsOnHold(t *testing.T) {
	phone := newWirePhone(t)
	var told []bool
	var mu sync.Mutex
	trunk := Trunk{Name: "carrier", Sources: prefixes("127.0.0.0/8"), MediaNetworks: prefixes("127.0.0.0/8"), Transfers: []string{"*"}}
	s := start(t, Config{Trunks: []Trunk{trunk}}, func(ctx context.Context, c *Call) {
		c.Media().Play(1, bytes.Repeat([]byte{0x31}, 160*50*10))
		if err := c.Answer(ctx); err != nil {
			t.Error(err)
		}
		for range 2 {
			select {
			case on := <-c.Held():
				mu.Lock()
				told = append(told, on)
				mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
		want := transcode.Table(transcode.PCMU, transcode.PCMA)[0x31]
		phone.hear(func(p *rtp.Packet) bool { return p.PayloadType == 8 && whole(want)(p) })
		cue(t, c)
		<-ctx.Done()
	})
	sipp(t, "begins_on_hold", "udp", s, map[string]string{"codec": "0", "codec2": "8", "mediaport": phone.port()})
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("told of %v", told)
	}
}

// The figures of the configuration reach the wire.
func TestSippSession(t *testing.T) {
	s := start(t, Config{
		SIP:           SIP{Listen: []string{"udp://127.0.0.1:0"}, PreferReliable: true},
		SessionTimers: SessionTimers{Expires: 10 * time.Minute, Min: 200 * time.Second},
	}, func(ctx context.Context, c *Call) {
		_ = c.Ring()
		_ = c.Answer(ctx)
		<-ctx.Done()
	})
	sipp(t, "session", "udp", s, nil)
}

// Whether it is asked in an offer, in the answer in an ACK or in the one to a call of
// ours: audio never goes to a socket of our own.
func TestAnswerNamesOurOwnSocket(t *testing.T) {
	for name, take := range map[string]func(*Call, []byte) error{
		"re-INVITE":         func(c *Call, body []byte) error { _, err := c.reoffer(body); return err },
		"answer in the ACK": func(c *Call, body []byte) error { return c.openWith(body) },
	} {
		for port, want := range map[string]error{"5060": errMediaAddr, "20050": errMediaAddr, "30000": nil} {
			c := offered(t, plainOffer)
			c.opened = make(chan struct{})
			c.server.own = &own{sip: map[uint16]bool{5060: true}, first: 20000, last: 20099}
			body := strings.NewReplacer("192.0.2.1", "192.0.2.2", "audio 4000", "audio "+port).Replace(plainOffer)
			if err := take(c, []byte(body)); !errors.Is(err, want) {
				t.Errorf("%s, port %s: %v, want %v", name, port, err, want)
			}
		}
	}
}
