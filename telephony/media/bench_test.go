package media

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/trunkline/trunkline/transcode"
)

func nowhere([]byte, netip.AddrPort) error { return nil }

// talkPacket returns a function that delivers the next packet in order.
func talkPacket(s *Session) func() {
	b := rtpBytes(0, 0, 0, 1, voice(1, 160))
	var seq uint16
	var ts uint32
	now := s.armedAt
	return func() {
		binary.BigEndian.PutUint16(b[2:], seq)
		binary.BigEndian.PutUint32(b[4:], ts)
		seq, ts, now = seq+1, ts+160, now+20*time.Millisecond
		s.receive(b, phoneAddr, now)
	}
}

// playDelta returns a function that plays 200 ms in one piece and sends its ten
// frames.
func playDelta(s *Session) func() {
	delta := voice(1, 1600)
	return func() {
		s.Play(1, delta)
		for s.Queued() > 0 {
			s.tick(s.out.due)
		}
	}
}

func TestNoAllocationPerPacket(t *testing.T) {
	s := stillSession(func([]byte) {})
	next := talkPacket(s)
	for range 10 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations for a packet in", n)
	}
	play := playDelta(s)
	play()
	if n := testing.AllocsPerRun(1000, play); n != 0 {
		t.Errorf("%v allocations for a delta out", n)
	}
}

// reportBothWays returns a function that sends a report and takes one.
func reportBothWays(s *Session) func() {
	talk := talkPacket(s)
	for range 4 {
		talk()
	}
	in := append(marshal(&rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: s.out.ssrc}}}), voipReport(s.out.ssrc, 1, 2, 40)...)
	now := s.armedAt
	return func() {
		talk()
		now += 10 * time.Second
		s.mu.Lock()
		s.out.made++
		s.reportLocked(now)
		s.mu.Unlock()
		s.receiveControl(in, rtcpOf(phoneAddr), now)
	}
}

func TestNoAllocationPerReport(t *testing.T) {
	s := stillSession(func([]byte) {})
	next := reportBothWays(s)
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations for a report each way", n)
	}
	if st := s.Stats().Control; st.Out < 1000 || st.In < 1000 || s.Quality().Agent.Claimed != 4 {
		t.Errorf("%+v", st)
	}
}

func BenchmarkReport(b *testing.B) {
	next := reportBothWays(stillSession(func([]byte) {}))
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// Loss and reordering allocate no more, once each slot has been used.
func TestNoAllocationOnALossyNetwork(t *testing.T) {
	s := stillSession(func([]byte) {})
	b := rtpBytes(0, 0, 0, 1, voice(1, 160))
	i := 0
	now := s.armedAt
	next := func() {
		i++
		now += 20 * time.Millisecond
		n := i
		switch i % 10 {
		case 4: // lost
			return
		case 6: // swapped with the next
			n = i + 1
		case 7:
			n = i - 1
		}
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		binary.BigEndian.PutUint32(b[4:], uint32(160*n))
		s.receive(b, phoneAddr, now)
	}
	for range 2000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	if st := s.Stats(); st.Lost < 200 || st.Reordered < 200 || st.Late > 0 {
		t.Errorf("%+v", st)
	}
}

func BenchmarkPacketIn(b *testing.B) {
	s := stillSession(func([]byte) {})
	next := talkPacket(s)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// One operation is a delta of 200 ms: queued in one piece, sent as ten frames.
func BenchmarkDeltaOut(b *testing.B) {
	s := stillSession(nil)
	play := playDelta(s)
	b.ReportAllocs()
	for b.Loop() {
		play()
	}
}

func BenchmarkPlayFiveSeconds(b *testing.B) {
	s := stillSession(nil)
	audio := voice(1, 40000)
	s.out.idle = false // no frame leaves: the queue alone
	b.ReportAllocs()
	for b.Loop() {
		s.Play(1, audio)
		s.Flush()
	}
}

// BenchmarkPacer300 runs 300 streams on real sockets for as long as it takes to
// send b.N frames. It reports how far the gaps between packets of a stream are from 20
// ms, and CPU time per stream-minute.
func BenchmarkPacer300(b *testing.B) {
	const streams = 300
	ports, err := NewPorts(loopback, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	pacer := NewPacer()
	defer pacer.Close()
	sink, err := listenUDP(loopback, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	to := sink.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
	var frames atomic.Int64
	var off [streams][]time.Duration
	var open [streams]*Session
	for i := range streams {
		s, err := Open(Config{Ports: ports, Pacer: pacer, UnprovenFor: -1})
		if err != nil {
			b.Fatal(err)
		}
		open[i] = s
		write, last := s.out.write, time.Time{}
		s.out.write = func(p []byte, to netip.AddrPort) error {
			now := time.Now()
			if !last.IsZero() {
				off[i] = append(off[i], (now.Sub(last) - 20*time.Millisecond).Abs())
			}
			last = now
			frames.Add(1)
			return write(p, to)
		}
		if err := s.Start(Params{Law: transcode.PCMU, Remote: to, EventPT: -1}); err != nil {
			b.Fatal(err)
		}
		<-time.After(20 * time.Millisecond / streams)
	}
	frames.Store(0)
	before := cpuTime()
	b.ReportAllocs()
	b.ResetTimer()
	for frames.Load() < int64(b.N) {
		<-time.After(5 * time.Millisecond)
	}
	b.StopTimer()
	spent := cpuTime() - before
	for _, s := range open {
		s.Close()
	}
	all := slices.Concat(off[:]...)
	slices.Sort(all)
	if len(all) > 1000 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		b.ReportMetric(float64(all[len(all)*999/1000].Microseconds()), "p99.9-µs")
	}
	b.ReportMetric(spent.Seconds()/float64(frames.Load())*3000, "cpu-s/stream-min")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
