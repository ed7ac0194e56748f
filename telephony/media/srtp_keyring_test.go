package media

import (
	"bytes"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// turned lets the phone pass a turn of its sequence numbers, which both ends then count.
func (p *safePhone) turned() {
	p.say(200)
	p.r.take()
}

// A refresh, a hold: packet numbers go on in both directions.
func TestSRTPKeepsTheKeyOverARefresh(t *testing.T) {
	for _, change := range []func(*Params){func(*Params) {}, onHold, func(p *Params) { p.PTime = 30 * time.Millisecond }} {
		shielded(t, cm80, func(r *rig, p *safePhone) {
			p.turned()
			r.Session.mu.Lock()
			r.out.seq = 65534
			r.Session.mu.Unlock()
			pass(200 * time.Millisecond)
			p.listen()
			r.again(change)
			p.say(1)
			r.again(resumed)
			r.take()
			r.expect("after the refresh", p.say(10))
			pass(200 * time.Millisecond)
			heard := p.listen()
			if len(heard) < 5 {
				t.Fatalf("%d packets", len(heard))
			}
			if roc, _ := p.hear.ROC(heard[0].SSRC); roc != 1 || r.Stats().Bad.Total() != 0 {
				t.Errorf("turn %d, %+v", roc, r.Stats())
			}
		})
	}
}

// Another key of theirs counts from zero; what is in flight under the one before is heard,
// and nothing of it later. Our own stays.
func TestSRTPAnotherKey(t *testing.T) {
	for _, suite := range suites {
		shielded(t, suite, func(r *rig, p *safePhone) {
			p.turned()
			late := p.next(voice(500, 160))
			r.rekey(keys(suite, 3))
			before := p.send
			p.send = contextOf(suite, 3)
			said := p.say(2)
			r.inject(late, phoneAddr)
			r.expect(suite, append(voice(500, 160), said...))
			if st := r.Stats(); st.Bad.Total() != 0 {
				t.Errorf("%s: %+v", suite, st.Bad)
			}
			r.expect(suite, p.say(10))
			pass(100 * time.Millisecond)
			p.listen()
			pass(inFlight)
			old := newSafePhone(r, suite, 2)
			old.send, old.seq = before, p.seq
			r.take()
			if old.say(5); r.Stats().Bad.Auth != 5 || !isSilence(r.take(), transcode.PCMU) {
				t.Errorf("%s: the key before still opens: %+v", suite, r.Stats().Bad)
			}
		})
	}
}

// Another suite changes both keys. Our numbers begin where they cannot be misread.
func TestSRTPAnotherSuite(t *testing.T) {
	for _, seq := range []uint16{100, 65535} {
		shielded(t, cm80, func(r *rig, p *safePhone) {
			r.Session.mu.Lock()
			r.out.seq = seq
			ssrc := r.out.ssrc
			r.Session.mu.Unlock()
			r.link.take()
			r.rekey(keys("AEAD_AES_256_GCM", 3))
			next := newSafePhone(r, "AEAD_AES_256_GCM", 3)
			next.seq, next.ts = p.seq, p.ts
			r.expect("another suite", next.say(5))
			pass(100 * time.Millisecond)
			got := next.listen()
			if kept := got[0].SSRC == ssrc; got[0].SequenceNumber >= firstSeqs || kept != (seq < firstSeqs) {
				t.Errorf("from %d on to %d, SSRC kept %v", seq, got[0].SequenceNumber, kept)
			}
		})
	}
}

// Some peers count from zero under the same key after a re-INVITE, with whatever sequence
// number; some with the one that comes next.
func TestSRTPBeginsAnewAfterAnAgreement(t *testing.T) {
	for _, seq := range []uint16{0, 700, 30000, 60000} {
		shielded(t, cm80, func(r *rig, p *safePhone) {
			p.turned()
			r.rekey(r.params.SRTP)
			again := newSafePhone(r, cm80, 2)
			again.seq, again.ts, again.ssrc = seq, p.ts, p.ssrc
			if seq == 0 { // the next one
				again.seq = p.seq
			}
			for range 3 { // seconds, in which both would be heard
				said := again.say(50)
				if got := withoutFill(r.take()); !bytes.HasSuffix(got, said[320:]) {
					t.Fatalf("from %d: %d bytes heard; %+v", seq, len(got), r.Stats())
				}
				pass(time.Second)
			}
			pass(beginAnewFor)
			again.say(10)
			turned := seq == 60000 // they are about to come to where the count before was
			if p.say(3); r.Stats().Bad.Total() == 3 == turned {
				t.Errorf("from %d: the count before still opens: %+v", seq, r.Stats().Bad)
			}
		})
	}
}

// Without an agreement, or long after it, nobody may begin anew; nor may somebody else with
// packets that were said before push aside a phone that goes on.
func TestSRTPBeginningAnewIsNoReplay(t *testing.T) {
	shielded(t, cm80, func(r *rig, p *safePhone) {
		var first [][]byte
		for range 10 {
			b := p.next(voice(1, 160))
			r.inject(b, phoneAddr)
			first = append(first, b)
		}
		replay := func() (accepted uint64) {
			before := r.Stats().PacketsIn
			for _, b := range first {
				r.inject(b, phoneAddr)
			}
			return r.Stats().PacketsIn - before
		}
		r.rekey(r.params.SRTP)
		if n := replay(); n != 0 {
			t.Errorf("%d packets heard twice right after an agreement", n)
		}
		pass(beginAnewFor)
		p.turned()
		for _, seq := range []uint16{20000, 40000} { // far from what is going to be repeated
			p.seq = seq
			p.say(1)
		}
		if n := replay(); n != 0 {
			t.Errorf("%d packets heard twice", n)
		}
		r.rekey(r.params.SRTP)
		replay() // within the time: cannot be told from a peer that begins anew
		for range 60 {
			p.say(10)
			pass(200 * time.Millisecond)
		}
		if st := r.Stats(); replay() != 0 || r.shield.ring.fresh != nil {
			t.Errorf("%+v", st.Bad)
		}
		before := r.Stats().Bad
		if p.say(5); r.Stats().Bad != before {
			t.Error("the phone was pushed aside")
		}
	})
}

// Encryption may begin in mid-call, and end: what is in flight is never heard as noise.
func TestSRTPOnAndOff(t *testing.T) {
	started(t, Params{}, func(r *rig, plain *phone) {
		r.link.take()
		r.rekey(keys(cm80, 2))
		p := newSafePhone(r, cm80, 2)
		p.seq, p.ts = plain.seq, plain.ts
		plain.sendAt(plain.seq, plain.ts, voice(9, 160))
		r.expect("encrypted", p.say(5))
		pass(time.Second)
		if got := p.listen(); len(got) < 50 || r.Stats().Bad.Auth != 1 {
			t.Errorf("%d packets, %+v", len(got), r.Stats().Bad)
		}
		r.rekey(SRTP{})
		r.take()
		flight := p.say(2)
		r.expect("in flight", flight)
		plain.seq, plain.ts = p.seq, p.ts
		plain.send(voice(3, 160))
		r.expect("plain", voice(3, 160))
		pass(inFlight)
		say := voice(4, 480)
		r.link.take()
		r.Play(1, say)
		pass(100 * time.Millisecond)
		if got := audioOf(r.link.take(), transcode.PCMU); !bytes.Equal(got, say) || r.Stats().SRTP != "" {
			t.Errorf("%d bytes said in the clear, want %d", len(got), len(say))
		}
	})
}
