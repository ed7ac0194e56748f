package media

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// joined runs f with two sessions and their phones, before they are joined.
func joined(t *testing.T, a, b Params, f func(a, b *rig, pa, pb *phone)) {
	t.Helper()
	inBubble(t, Config{}, func(ra *rig) {
		rb := &rig{t: ra.t, link: newMemLink(), pacer: ra.pacer}
		s, err := Open(Config{link: rb.link, Pacer: rb.pacer})
		if err != nil {
			t.Fatal(err)
		}
		rb.Session = s
		defer s.Close()
		s.Attach(rb.sink)
		if _, err := Join(ra.Session, s); !errors.Is(err, ErrNotStarted) {
			t.Errorf("joined before the start: %v", err)
		}
		ra.start(a)
		rb.start(b)
		pa, pb := ra.prove(), rb.prove()
		pass(time.Second)
		ra.take()
		rb.take()
		ra.link.take()
		rb.link.take()
		f(ra, rb, pa, pb)
	})
}

// talk sends n packets of 20 ms, one each 20 ms, and returns what they said.
func (p *phone) talk(n int) (said []byte) {
	for range n {
		v := voice(int(p.seq), 160)
		p.send(v)
		said = append(said, v...)
		pass(20 * time.Millisecond)
	}
	return said
}

// quiet is what the silence of one session is in the law of the other.
func quiet(from, to *rig) byte { return transcode.Table(from.law, to.law)[from.law.Silence()] }

func join(t *testing.T, a, b *rig) func() {
	t.Helper()
	part, err := Join(a.Session, b.Session)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// Every byte arrives, both ways, in whatever law and packet time, no later than a frame
// after it came in; the sinks rest, and hear again afterwards.
func TestJoin(t *testing.T) {
	for name, p := range map[string]Params{
		"same law":    {Law: transcode.PCMU},
		"other law":   {Law: transcode.PCMA, PayloadType: 8},
		"long packet": {Law: transcode.PCMA, PayloadType: 8, PTime: 30 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			joined(t, Params{Law: transcode.PCMU}, p, func(a, b *rig, pa, pb *phone) {
				part := join(t, a, b)
				for turn := range 2 {
					from, to, speaker := a, b, pa
					if turn == 1 {
						from, to, speaker = b, a, pb
					}
					start := time.Now()
					said := speaker.talk(50)
					if p.PTime != 0 && turn == 0 {
						said = append(said, speaker.talk(1)...) // 51 · 160 = 34 · 240
					}
					pass(100 * time.Millisecond)
					transcode.Convert(said, from.law, to.law)
					packets := slices.DeleteFunc(to.link.take(), func(s sent) bool {
						return len(bytes.Trim(s.Payload, string([]byte{quiet(from, to)}))) == 0 // the pause before the turn
					})
					if got := bytes.Trim(audioOf(packets, to.law), string([]byte{quiet(from, to)})); !bytes.Equal(got, said) {
						t.Errorf("turn %d: %d bytes arrived of %d", turn, len(got), len(said))
					}
					for _, s := range packets {
						if !isSilence(s.Payload, to.law) {
							if late := s.at.Sub(start); late > 2*max(20*time.Millisecond, p.PTime) {
								t.Errorf("turn %d: the first word takes %v", turn, late)
							}
							break
						}
					}
				}
				if len(a.take())+len(b.take()) != 0 {
					t.Error("a sink heard something")
				}
				part()
				part()
				said := pa.talk(5)
				if !bytes.Contains(a.take(), said[:640]) {
					t.Error("the sink does not hear again")
				}
				if got := audioOf(b.link.take(), b.law); len(got) != 0 {
					t.Errorf("%d bytes after parting", len(got))
				}
			})
		})
	}
}

// At joining and parting the stream goes on: no gap in sequence, timestamps or time.
func TestJoinKeepsTheStream(t *testing.T) {
	joined(t, Params{}, Params{}, func(a, b *rig, pa, pb *phone) {
		for range 5 {
			part := join(t, a, b)
			pa.talk(7)
			part()
			pb.talk(3)
		}
		for _, r := range []*rig{a, b} {
			packets := r.link.take()
			if len(packets) < 45 {
				t.Errorf("%d packets in a second", len(packets))
			}
			for i := 1; i < len(packets); i++ {
				p, q := packets[i-1], packets[i]
				if q.SequenceNumber != p.SequenceNumber+1 || q.Timestamp != p.Timestamp+160 || q.at.Sub(p.at) > 25*time.Millisecond {
					t.Errorf("packet %d: sequence +%d, timestamp +%d, %v later", i, q.SequenceNumber-p.SequenceNumber, q.Timestamp-p.Timestamp, q.at.Sub(p.at))
				}
			}
		}
	})
}

// One on hold hears nothing, neither now nor later; what the agent says goes before.
func TestJoinOnHold(t *testing.T) {
	joined(t, Params{}, Params{}, func(a, b *rig, pa, _ *phone) {
		defer join(t, a, b)()
		b.start(Params{NoSend: true, NoListen: true})
		pa.talk(20)
		b.start(Params{})
		said := pa.talk(10)
		pass(60 * time.Millisecond)
		if got := audioOf(b.link.take(), b.law); !bytes.Contains(said, got) || len(got) < len(said)-320 {
			t.Errorf("%d bytes arrived of %d, or those of the hold", len(got), len(said))
		}
		if st := b.Stats(); st.RelayDropped < 15*160 {
			t.Errorf("%+v", st)
		}
		notice := voice(1000, 1600)
		b.Play(1, notice)
		b.End(1)
		pa.talk(15)
		if got := audioOf(b.link.take(), b.law); !bytes.HasPrefix(got[min(len(got), 160):], notice) && !bytes.HasPrefix(got, notice) || len(got) < 2000 {
			t.Error("the notice was torn, or nothing followed it")
		}
	})
}

// A stalled network brings late speech; what then stands in the relay goes in a pause.
func TestRelayShrinksInAPause(t *testing.T) {
	joined(t, Params{}, Params{}, func(a, b *rig, pa, _ *phone) {
		defer join(t, a, b)()
		said := pa.talk(10)
		pass(100 * time.Millisecond) // 5 frames are late, and come at once
		for range 5 {
			v := voice(int(pa.seq), 160)
			pa.send(v)
			said = append(said, v...)
		}
		said = append(said, pa.talk(30)...)
		for range 100 {
			pa.send(silenceOf(transcode.PCMU)[:160])
			pass(20 * time.Millisecond)
		}
		if got := audioOf(b.link.take(), b.law); !bytes.Equal(got, said) {
			t.Errorf("speech was torn: %d bytes of %d", len(got), len(said))
		}
		st := b.Stats()
		if st.RelayDropped < 4*160 || st.RelayLate < 4 {
			t.Errorf("%d bytes left out, %d late", st.RelayDropped, st.RelayLate)
		}
		start := time.Now()
		pa.talk(1)
		for _, s := range b.link.take() {
			if !isSilence(s.Payload, b.law) && s.at.Sub(start) > 20*time.Millisecond {
				t.Errorf("a word takes %v", s.at.Sub(start))
			}
		}
	})
}

// What is left out is the pause itself, never the beginning of the speech behind it.
func TestRelayLeavesOutPausesOnly(t *testing.T) {
	r := &relay{law: transcode.PCMU, least: relayBytes}
	var said, heard []byte
	pause := silenceOf(transcode.PCMU)[:160]
	for i := range 400 {
		v := voice(i, 160)
		if i%60 == 59 {
			v = pause
		} else {
			said = append(said, v...)
		}
		r.put(v)
		if i == 0 || i == 1 {
			continue // two frames stand from now on
		}
		out := make([]byte, 160)
		if ok, _, _ := r.take(out); ok && !bytes.Equal(out, pause) {
			heard = append(heard, out...)
		}
	}
	heard = append(heard, r.buf[r.head:min(len(r.buf), r.head+r.n)]...)
	if !bytes.Equal(heard, said) || r.n >= 160 {
		t.Errorf("%d bytes of %d, %d stand", len(heard), len(said), r.n)
	}
}

// Clocks that differ by far more than real ones do: the relay stays short, both ways.
func TestRelayAgainstDrift(t *testing.T) {
	for name, takes := range map[string]int{"slow reader": 99, "fast reader": 101} {
		r := &relay{law: transcode.PCMU, least: relayBytes}
		frame, out := voice(1, 160), make([]byte, 160)
		late, dropped, most := 0, 0, 0
		for range 200 {
			for i := range 100 {
				r.put(frame)
				if takes < 100 && i == 0 {
					continue
				}
				for range 1 + max(0, takes-100)*(1-min(i, 1)) {
					_, l, d := r.take(out)
					dropped += d
					if l {
						late++
					}
				}
				most = max(most, r.n)
			}
		}
		if most > (relaySlack+2)*160 || late+dropped/160 < 190 || late+dropped/160 > 210 {
			t.Errorf("%s: %d bytes at the most, %d late, %d dropped", name, most, late, dropped)
		}
	}
}

// A reader that never comes costs nothing but the oldest audio.
func TestRelayIsBounded(t *testing.T) {
	r := &relay{law: transcode.PCMU, least: relayBytes}
	for i := range 100 {
		r.put(bytes.Repeat([]byte{byte(i)}, 160))
	}
	out := make([]byte, 160)
	if ok, _, dropped := r.take(out); !ok || out[0] != 85 || dropped != 85*160 {
		t.Errorf("frame %d, %d dropped", out[0], dropped)
	}
}

// Both directions at full speed from several goroutines: no deadlock, no race.
func TestJoinDoesNotDeadlock(t *testing.T) {
	a, b := stillSession(nil), stillSession(nil)
	var wg sync.WaitGroup
	for _, s := range []*Session{a, b} {
		next := talkPacket(s)
		wg.Go(func() {
			for range 5000 {
				next()
			}
		})
		wg.Go(func() {
			for range 5000 {
				s.mu.Lock()
				due := s.out.due
				s.mu.Unlock()
				s.tick(due)
			}
		})
	}
	wg.Go(func() {
		for range 500 {
			part, err := Join(a, b)
			if err != nil {
				t.Error(err)
				return
			}
			part()
		}
	})
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("deadlock")
	}
}

// frameAcross returns a function that brings a packet in on a and sends it out on b.
func frameAcross(tb testing.TB, lawOfB transcode.Law) (func(), *Session) {
	a, b := stillSession(nil), stillSession(nil)
	b.params.Law = lawOfB
	if _, err := Join(a, b); err != nil {
		tb.Fatal(err)
	}
	next := talkPacket(a)
	return func() {
		next()
		b.tick(b.out.due)
	}, b
}

func TestNoAllocationInARelay(t *testing.T) {
	across, b := frameAcross(t, transcode.PCMA)
	for range 10 {
		across()
	}
	before := b.Stats().Relayed
	if n := testing.AllocsPerRun(1000, across); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
	if n := b.Stats().Relayed - before; n < 1000 {
		t.Errorf("%d frames came across", n)
	}
}

func BenchmarkRelay(b *testing.B) {
	for name, law := range map[string]transcode.Law{"same law": transcode.PCMU, "other law": transcode.PCMA} {
		b.Run(name, func(b *testing.B) {
			across, _ := frameAcross(b, law)
			b.ReportAllocs()
			for b.Loop() {
				across()
			}
		})
	}
}

func TestJoinClosed(t *testing.T) {
	joined(t, Params{}, Params{}, func(a, b *rig, pa, _ *phone) {
		part := join(t, a, b)
		_ = b.Close()
		pa.talk(5)
		part()
		synctest.Wait()
		if _, err := Join(a.Session, b.Session); !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
		if said := pa.talk(2); !bytes.Contains(a.take(), said[:160]) {
			t.Error("the sink does not hear after a failed join")
		}
	})
}

// A key does not cut off the word before it.
func TestJoinKeysBehindAWord(t *testing.T) {
	joined(t, Params{}, Params{PTime: 30 * time.Millisecond}, func(a, b *rig, pa, _ *phone) {
		defer join(t, a, b)()
		said := pa.talk(9)
		if err := b.SendDigits("5"); err != nil {
			t.Fatal(err)
		}
		pass(400 * time.Millisecond)
		var voice []sent
		for _, p := range b.link.take() {
			if p.PayloadType == 0 {
				voice = append(voice, p)
			}
		}
		if got := audioOf(voice, b.law); !bytes.Equal(got, said) {
			t.Errorf("%d bytes of %d", len(got), len(said))
		}
	})
}
