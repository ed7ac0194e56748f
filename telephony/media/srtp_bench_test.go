package media

import (
	"encoding/binary"
	"testing"
	"time"
)

// stillShield is a session without goroutines, encrypted both ways, that sends nowhere.
func stillShield(suite string, sink func([]byte)) *Session {
	s := stillSession(sink)
	if err := s.Start(Params{Remote: phoneAddr, EventPT: 101, SRTP: keys(suite, 2)}); err != nil {
		panic(err)
	}
	s.out.write = s.writeLocked
	return s
}

// safeTalk returns a function that delivers the next packet in order. Packets are made
// ahead, a turn of the sequence numbers at a time, outside of what is measured.
func safeTalk(s *Session, suite string, pause, resume func()) func() {
	const ahead = 4096
	c := contextOf(suite, 2)
	var packets [ahead][]byte
	var seq uint16
	var ts uint32
	b := rtpBytes(0, 0, 0, 1, voice(1, 160))
	n, now := ahead, s.armedAt
	return func() {
		if n == ahead {
			pause()
			for i := range packets {
				binary.BigEndian.PutUint16(b[2:], seq)
				binary.BigEndian.PutUint32(b[4:], ts)
				seq, ts = seq+1, ts+160
				packets[i], _ = c.EncryptRTP(packets[i][:0], b, nil)
			}
			n = 0
			resume()
		}
		now += 20 * time.Millisecond
		s.receive(packets[n], phoneAddr, now)
		n++
	}
}

func TestNoAllocationPerSRTPPacket(t *testing.T) {
	budget := 0.0 // a packet
	if raceDetector {
		budget = 1
	}
	for _, suite := range suites {
		s := stillShield(suite, func([]byte) {})
		next := safeTalk(s, suite, func() {}, func() {})
		for range 10 {
			next()
		}
		if n := testing.AllocsPerRun(1000, next); n > budget {
			t.Errorf("%s: %v allocations for a packet in", suite, n)
		}
		if st := s.Stats(); st.Bad.Total() != 0 || st.PacketsIn < 1000 {
			t.Errorf("%s: %+v", suite, st)
		}
		play := playDelta(s)
		play()
		if n := testing.AllocsPerRun(100, play); n > 10*budget || s.Stats().SendErrors != 0 {
			t.Errorf("%s: %v allocations for a delta out", suite, n)
		}
		report := roomy(reportOf(1))
		if n := testing.AllocsPerRun(100, func() { _, _ = s.shield.sealRTCP(report) }); n > 1+budget {
			t.Errorf("%s: %v allocations for a report", suite, n)
		}
	}
}

func BenchmarkSRTPPacketIn(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite, func(b *testing.B) {
			s := stillShield(suite, func([]byte) {})
			next := safeTalk(s, suite, b.StopTimer, b.StartTimer)
			b.ReportAllocs()
			for range b.N {
				next()
			}
			if st := s.Stats(); st.Bad.Total() != 0 {
				b.Errorf("%+v", st.Bad)
			}
		})
	}
}

// One operation is a frame of 20 ms: taken from the queue, encrypted, sent.
func BenchmarkSRTPPacketOut(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite, func(b *testing.B) {
			s := stillShield(suite, nil)
			frame := voice(1, 160)
			b.ReportAllocs()
			for b.Loop() {
				s.Play(1, frame)
				for s.Queued() > 0 {
					s.tick(s.out.due)
				}
			}
		})
	}
}
