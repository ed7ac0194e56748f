package media

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/trunkline/trunkline/transcode"
)

// suites are all that can be agreed on, in order.
var suites = slices.Sorted(maps.Keys(profiles))

// keyOf is key material of a suite that differs by seed.
func keyOf(suite string, seed byte) string {
	n, _ := profiles[suite].KeyLen()
	salt, _ := profiles[suite].SaltLen()
	return strings.Repeat(string([]byte{seed, 1, seed, 2}), 16)[:n+salt]
}

// keys is an agreement in which we send under key 1 and the phone under another.
func keys(suite string, theirs byte) SRTP {
	return SRTP{Suite: suite, Send: keyOf(suite, 1), Receive: keyOf(suite, theirs)}
}

const cm80 = "AES_CM_128_HMAC_SHA1_80"

func contextOf(suite string, seed byte) *srtp.Context {
	key := keyOf(suite, seed)
	n, _ := profiles[suite].KeyLen()
	c, err := srtp.CreateContext([]byte(key[:n]), []byte(key[n:]), profiles[suite])
	if err != nil {
		panic(err)
	}
	return c
}

// safePhone is a phone with a key.
type safePhone struct {
	*phone
	send, hear *srtp.Context
}

func newSafePhone(r *rig, suite string, key byte) *safePhone {
	return &safePhone{phone: &phone{r: r, addr: phoneAddr, ssrc: 7, seq: 65500}, send: contextOf(suite, key), hear: contextOf(suite, 1)}
}

// next is the phone's next packet, encrypted.
func (p *safePhone) next(payload []byte) []byte {
	b, err := p.send.EncryptRTP(nil, rtpBytes(p.pt, p.seq, p.ts, p.ssrc, payload), nil)
	if err != nil {
		panic(err)
	}
	p.seq++
	p.ts += uint32(len(payload))
	return b
}

// say sends n frames and returns them.
func (p *safePhone) say(n int) (said []byte) {
	for range n {
		frame := voice(int(p.seq), 160)
		said = append(said, frame...)
		p.r.inject(p.next(frame), p.addr)
	}
	return said
}

// listen decrypts what was sent to the phone, all of it.
func (p *safePhone) listen() []sent {
	p.r.t.Helper()
	packets := p.r.link.take()
	for i := range packets {
		raw, err := packets[i].Marshal()
		if err == nil {
			raw, err = p.hear.DecryptRTP(nil, raw, nil)
		}
		if err == nil {
			err = packets[i].Unmarshal(raw)
		}
		if err != nil {
			p.r.t.Fatalf("packet %d, seq %d: %v", i, packets[i].SequenceNumber, err)
		}
	}
	return packets
}

// shielded runs f with a session that is encrypted and whose phone is proven.
func shielded(t *testing.T, suite string, f func(*rig, *safePhone)) {
	t.Helper()
	inBubble(t, Config{}, func(r *rig) {
		r.start(Params{SRTP: keys(suite, 2)})
		p := newSafePhone(r, suite, 2)
		p.say(2)
		r.take()
		f(r, p)
	})
}

func (r *rig) expect(what string, want []byte) {
	r.t.Helper()
	if got := r.take(); !bytes.Equal(got, want) {
		r.t.Errorf("%s: %d bytes heard, want %d; %+v", what, len(got), len(want), r.Stats())
	}
}

func (r *rig) rekey(p SRTP) {
	r.link.encrypted(p)
	r.again(func(all *Params) { all.SRTP = p })
}

func TestSRTPBothWays(t *testing.T) {
	for _, suite := range suites {
		shielded(t, suite, func(r *rig, p *safePhone) {
			r.expect(suite, append(p.say(10), []byte{}...))
			for _, ptime := range []time.Duration{20, 60} { // the longest frame has room for the tag
				r.again(func(all *Params) { all.PTime = ptime * time.Millisecond })
				say := voice(int(ptime), 960)
				r.Play(uint64(ptime), say)
				r.End(uint64(ptime))
				pass(300 * time.Millisecond)
				if got := audioOf(p.listen(), transcode.PCMU); !bytes.Equal(got, say) {
					t.Errorf("%s: %d bytes said, want %d", suite, len(got), len(say))
				}
			}
			if err := r.SendDigits("5"); err != nil {
				t.Fatal(err)
			}
			pass(500 * time.Millisecond)
			if events := slices.DeleteFunc(p.listen(), func(s sent) bool { return s.PayloadType != 101 }); len(events) < 3 || events[0].Payload[0] != 5 {
				t.Errorf("%s: %d event packets", suite, len(events))
			}
			if st := r.Stats(); st.Bad.Total() != 0 || st.SRTP != suite || st.SendErrors != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// What carries no right tag proves no source, is not heard, and keeps no call alive.
func TestSRTPHearsOnlyWhatIsAuthentic(t *testing.T) {
	for _, suite := range suites {
		inBubble(t, Config{FirstMediaTimeout: 10 * time.Second}, func(r *rig) {
			r.start(Params{SRTP: keys(suite, 2)})
			thief, plain := newSafePhone(r, suite, 9), &phone{r: r, addr: phoneAddr, ssrc: 7}
			for range 10 {
				thief.say(1)
				plain.send(voice(1, 160))
			}
			if st := r.Stats(); st.Bad.Auth != 20 || st.Probation != 0 || st.SourceProof != "none" || st.PacketsIn != 0 {
				t.Fatalf("%s: %+v", suite, st)
			}
			p := newSafePhone(r, suite, 2)
			for i := range 8 { // changed on its way: in the header, the payload, the tag; cut; prolonged
				b := p.next(voice(i, 160))
				switch i {
				default:
					b[[]int{1, 3, 7, 11, 40, len(b) - 1}[i]] ^= 1
				case 6:
					b = b[:len(b)-1]
				case 7:
					b = append(b, 0)
				}
				r.inject(b, phoneAddr)
			}
			if st := r.Stats(); st.Bad.Auth != 28 || st.Probation != 0 {
				t.Fatalf("%s: %+v", suite, st)
			}
			for range 12 {
				thief.say(1)
				pass(time.Second)
			}
			if !r.isLost() || !isSilence(r.take(), transcode.PCMU) {
				t.Errorf("%s: the thief kept the call alive, or was heard", suite)
			}
		})
	}
}

// Packets of any length and kind: none is heard, each is counted once.
func TestSRTPOfNoUse(t *testing.T) {
	for _, suite := range suites {
		shielded(t, suite, func(r *rig, p *safePhone) {
			in := r.Stats().PacketsIn
			var packets [][]byte
			for _, n := range []int{0, 1, 2, 8, 11, 12, 13, 16, 20, 22, 28, 40, 2047, 2048, 4000} {
				b := bytes.Repeat([]byte{0x80}, n)
				packets = append(packets, b, append([]byte{}, bytes.Repeat([]byte{0xBF}, n)...), make([]byte, n))
			}
			packets = append(packets, rtpBytes(72, 1, 1, 7, voice(1, 40)))
			for _, b := range packets {
				r.inject(b, phoneAddr)
			}
			st := r.Stats()
			if st.Bad.Total() != uint64(len(packets)) || st.PacketsIn != in || st.Bad.Short == 0 || st.Bad.Version == 0 || st.Bad.RTCP == 0 || st.Bad.Auth == 0 {
				t.Errorf("%s: %d packets: %+v", suite, len(packets), st.Bad)
			}
			r.expect(suite, p.say(2))
		})
	}
}

// Who copies packets is not heard, at whatever time and from wherever; late ones are.
func TestSRTPReplay(t *testing.T) {
	for _, suite := range suites {
		shielded(t, suite, func(r *rig, p *safePhone) {
			var copies [][]byte
			var want []byte
			for i := range 200 {
				frame := voice(i, 160)
				b := p.next(frame)
				if i%10 != 5 {
					r.inject(b, phoneAddr)
				} else { // comes after the next
					next := voice(i+1000, 160)
					r.inject(p.next(next), phoneAddr)
					r.inject(b, phoneAddr)
					frame = append(frame, next...)
				}
				want = append(want, frame...)
				copies = append(copies, b)
				pass(20 * time.Millisecond)
			}
			before := r.Stats()
			for _, b := range copies {
				r.inject(b, phoneAddr)
			}
			if st := r.Stats(); st.Bad.Replay != uint64(len(copies)) || st.PacketsIn != before.PacketsIn {
				t.Errorf("%s: %+v", suite, st)
			}
			if got := withoutFill(r.take()); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes heard, want %d", suite, len(got), len(want))
			}
		})
	}
}

// Sequence numbers turn over in both directions, twice.
func TestSRTPRollover(t *testing.T) {
	for _, suite := range []string{cm80, "AEAD_AES_128_GCM"} {
		inBubble(t, Config{MediaTimeout: -1}, func(r *rig) {
			r.start(Params{SRTP: keys(suite, 2)})
			p := newSafePhone(r, suite, 2)
			for turn := range uint32(3) {
				r.Session.mu.Lock()
				r.out.seq = 65500
				r.Session.mu.Unlock()
				p.seq = 65500
				before := r.Stats().PacketsIn
				p.say(70)
				if roc, _ := p.send.ROC(7); roc != turn+1 || r.Stats().PacketsIn != before+70 {
					t.Fatalf("turn %d of the phone, which is at %d: %+v", turn, roc, r.Stats())
				}
				pass(time.Second)
				if got := p.listen(); len(got) < 49 || got[len(got)-1].SequenceNumber > 40 {
					t.Errorf("%d packets, the last is %d", len(got), got[len(got)-1].SequenceNumber)
				}
				for _, seq := range []uint16{20000, 40000, 60000} { // a long way in few steps
					p.seq = seq
					p.say(1)
					r.Session.mu.Lock()
					r.out.seq = seq
					r.Session.mu.Unlock()
					pass(20 * time.Millisecond)
				}
				p.listen()
			}
		})
	}
}

// Each source counts for itself, and one that is not known yet is no less welcome.
func TestSRTPOfAnotherSource(t *testing.T) {
	shielded(t, cm80, func(r *rig, p *safePhone) {
		p.turned()
		p.ssrc, p.seq = 8, 100
		said := p.say(10)
		pass(20 * time.Millisecond)
		if got := r.take(); !bytes.HasSuffix(withoutFill(got), said[320:]) {
			t.Errorf("%d bytes heard of another source; %+v", len(got), r.Stats())
		}
		if st := r.Stats(); st.Bad.Total() != 0 {
			t.Errorf("%+v", st.Bad)
		}
	})
}

func TestSRTPOfTooManySources(t *testing.T) {
	shielded(t, cm80, func(r *rig, p *safePhone) {
		seq := p.seq
		for i := range maxSources + 10 {
			p.ssrc = uint32(1000 + i)
			p.say(1)
		}
		if n := r.Stats().Bad.Auth; n != 11 {
			t.Errorf("%d packets refused", n)
		}
		p.ssrc, p.seq = 7, seq
		p.say(1)
		if n := r.Stats().Bad.Auth; n != 11 {
			t.Error("a known source is refused")
		}
	})
}

func TestSRTPParamsThatCannotBe(t *testing.T) {
	shielded(t, cm80, func(r *rig, p *safePhone) {
		for _, bad := range []SRTP{
			{Suite: "NULL_HMAC_SHA1_80", Send: keyOf(cm80, 3), Receive: keyOf(cm80, 3)}, {Suite: cm80},
			{Suite: cm80, Send: keyOf(cm80, 3), Receive: keyOf(cm80, 3)[:29]}, {Suite: cm80, Send: keyOf(cm80, 3) + "x", Receive: keyOf(cm80, 3)},
		} {
			all := r.params
			all.SRTP, all.NoSend = bad, true
			err := r.Start(all)
			if !errors.Is(err, ErrParams) || strings.Contains(err.Error(), keyOf(cm80, 3)[:4]) {
				t.Errorf("%v", err)
			}
		}
		r.expect("after the refusals", p.say(5))
		if pass(time.Second); len(p.listen()) < 50 {
			t.Error("the stream stopped")
		}
	})
}

func TestSRTPDoesNotPrint(t *testing.T) {
	text := fmt.Sprintf("%v %+v %#v %s %x", keys(cm80, 'k'), Params{SRTP: keys(cm80, 'k')}, keys(cm80, 'k'), keys(cm80, 'k'), keys(cm80, 'k'))
	if strings.Contains(text, "k") || strings.Contains(text, "6b016b02") || !strings.Contains(text, cm80) {
		t.Error(text)
	}
}
