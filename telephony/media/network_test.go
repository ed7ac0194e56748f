package media

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// network is what lies between a phone and us. Shares are of packets.
type network struct {
	size    int           // bytes in a packet
	loss    float64       // in bursts of 3 on average, 8 at most
	jitter  time.Duration // each packet is late by 0 to twice this
	reorder float64       // packets that are late by another delay
	extra   time.Duration // that delay
	double  float64       // packets that come twice
	dtx     float64       // packets before which the phone was silent for 10 to 160 ms
}

// arrival is a packet at our end.
type arrival struct {
	at time.Duration
	n  int // of packets
}

// journey sends packets through the network. It returns when which arrive, what their
// timestamps are, and which were lost on the way.
func (w network) journey(rnd *rand.Rand, packets int) (arrivals []arrival, ts []uint32, lost map[int]bool) {
	lost = map[int]bool{}
	stamp, burst := uint32(0), 0
	for i := range packets {
		clean := i < 5 || i >= packets-20 // so that the source is proven and nothing waits at the end
		if !clean && rnd.Float64() < w.dtx {
			stamp += uint32(80 * (1 + rnd.IntN(16)))
		}
		ts = append(ts, stamp)
		sent := durationOf(int(stamp))
		stamp += uint32(w.size)
		if clean {
			arrivals = append(arrivals, arrival{sent + w.jitter, i})
			burst = 0
			continue
		}
		if burst == 0 && rnd.Float64() < w.loss/3 {
			burst = 1
			for burst < 8 && rnd.IntN(3) > 0 {
				burst++
			}
		}
		if burst > 0 {
			burst--
			lost[i] = true
			continue
		}
		at := sent + time.Duration(rnd.Int64N(int64(2*w.jitter)+1))
		if rnd.Float64() < w.reorder {
			at += w.extra
		}
		arrivals = append(arrivals, arrival{at, i})
		if rnd.Float64() < w.double {
			arrivals = append(arrivals, arrival{at + time.Duration(rnd.Int64N(int64(30*time.Millisecond))), i})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return arrivals, ts, lost
}

// mark is a packet's audio, unlike that of any other.
func mark(i, size int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), 7))
	b := make([]byte, size)
	for k := range b {
		b[k] = byte(1 + rnd.IntN(100))
	}
	return b
}

// Whatever a network of the usual badness does, the audio has the length that was
// said, every packet that came is in its place and there once, and no more is lost than
// the network lost.
func TestBadNetworks(t *testing.T) {
	ms := time.Millisecond
	for name, w := range map[string]network{
		"bad":            {size: 160, loss: 0.03, jitter: 20 * ms, reorder: 0.01, extra: 19 * ms, double: 0.01},
		"bad with DTX":   {size: 160, loss: 0.03, jitter: 20 * ms, reorder: 0.01, extra: 19 * ms, double: 0.01, dtx: 0.01},
		"10 ms packets":  {size: 80, loss: 0.03, jitter: 14 * ms, reorder: 0.01, extra: 14 * ms, double: 0.01},
		"30 ms packets":  {size: 240, loss: 0.03, jitter: 14 * ms, reorder: 0.01, extra: 14 * ms, double: 0.01},
		"much loss":      {size: 160, loss: 0.2, jitter: 5 * ms},
		"much jitter":    {size: 160, jitter: 28 * ms},
		"much reorder":   {size: 160, jitter: 1 * ms, reorder: 0.3, extra: 39 * ms},
		"all twice":      {size: 160, jitter: 10 * ms, double: 1},
		"half is silent": {size: 160, jitter: 10 * ms, dtx: 0.3},
	} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) { w.check(t, rand.New(rand.NewPCG(seed, 99)), 2000) })
		}
	}
}

func (w network) check(t *testing.T, rnd *rand.Rand, packets int) {
	arrivals, ts, lost := w.journey(rnd, packets)
	var heard []byte
	s := stillSession(func(frame []byte) { heard = append(heard, frame...) })
	firstSeq, firstTS := uint16(rnd.Uint32()), rnd.Uint32() // both may wrap
	begin := s.armedAt
	tick := begin
	for _, a := range arrivals {
		now := begin + a.at
		for ; tick <= now; tick += 20 * time.Millisecond {
			s.tick(tick)
		}
		s.receive(rtpBytes(0, firstSeq+uint16(a.n), firstTS+ts[a.n], 1, mark(a.n, w.size)), phoneAddr, now)
	}
	st := s.Stats()
	length := int(ts[packets-1]) + w.size
	if st.Filled > 0 { // the clock filled in, and knows the end of a gap to the jitter only
		if d := length - len(heard); d < -3*transcode.FrameBytes || d >= transcode.FrameBytes || int(st.Lost) != len(lost) {
			t.Errorf("%d bytes heard of %d, %d packets lost of %d", len(heard), length, st.Lost, len(lost))
		}
		w.checkOrder(t, heard, packets, lost)
		return
	}
	if d := length - len(heard); d < 0 || d >= transcode.FrameBytes {
		t.Fatalf("%d bytes heard of %d", len(heard), length)
	}
	places := map[string]int{}
	for i := range packets {
		places[string(mark(i, w.size))] = i
	}
	missing := 0
	for i := range packets {
		at := int(ts[i])
		if at+w.size > len(heard) {
			break
		}
		got := heard[at : at+w.size]
		if bytes.Equal(got, mark(i, w.size)) {
			if lost[i] {
				t.Fatalf("packet %d was heard and never came", i)
			}
			continue
		}
		if j, other := places[string(got)]; other {
			t.Fatalf("packet %d is heard in the place of %d", j, i)
		}
		missing++
	}
	if missing != len(lost) || int(st.Lost) != len(lost) || st.Late != 0 || st.Resets != 0 || st.Strays != 0 {
		t.Errorf("%d packets missing, the network lost %d: %+v", missing, len(lost), st)
	}
	if w.double > 0 && w.loss == 0 && int(st.Duplicate) != len(arrivals)-packets {
		t.Errorf("%d doubled, the network doubled %d", st.Duplicate, len(arrivals)-packets)
	}
	if q := s.Quality().Caller; q.Packets != uint64(packets) || q.MOS < 1 {
		t.Errorf("%+v of %d packets", q, packets)
	}
}

// checkOrder finds every packet that came once, in order, wherever it is.
func (w network) checkOrder(t *testing.T, heard []byte, packets int, lost map[int]bool) {
	at := 0
	for i := range packets {
		m := mark(i, w.size)
		switch n := bytes.Index(heard[at:], m); {
		case n >= 0 && lost[i]:
			t.Fatalf("packet %d was heard and never came", i)
		case n >= 0:
			at += n + w.size
		case !lost[i] && i < packets-3: // the last ones may not fill a frame
			t.Fatalf("packet %d is not heard behind the one before", i)
		}
	}
}

// FuzzNetwork looks for a network of that kind that breaks the timeline.
func FuzzNetwork(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(20), uint8(1), uint8(1))
	f.Add(uint64(2), uint8(30), uint8(0), uint8(30), uint8(100))
	f.Fuzz(func(t *testing.T, seed uint64, loss, jitter, reorder, double uint8) {
		network{
			size: 160, loss: float64(loss%40) / 100, jitter: time.Duration(jitter%20) * time.Millisecond,
			reorder: float64(reorder%100) / 100, extra: 19 * time.Millisecond, double: float64(double%101) / 100,
		}.check(t, rand.New(rand.NewPCG(seed, 99)), 300)
	})
}

// A far end that changes its stream in mid-call — transfer, music, a media server that
// takes over — is heard on, without a flood of silence; a key pressed on either is
// reported once, also if both streams number theirs alike.
func TestStreamChangesUnderKeys(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		key := func(event byte, ts uint32, seq uint16, end bool) {
			r.inject(rtpBytes(101, seq, ts, ph.ssrc, ev{ts, event, end, 320}.payload()), ph.addr)
		}
		next := func() []Digit {
			var got []Digit
			for {
				select {
				case d := <-r.Digits():
					got = append(got, d)
				default:
					return got
				}
			}
		}
		ph.talkFor(time.Second)
		key(5, ph.ts, ph.seq, false) // held while the stream changes: its end never comes
		ph.seq++
		held := ph.ts
		r.take()
		ph.ssrc, ph.seq, ph.ts = 99, 60000, held
		for i := range 10 {
			ph.send(voice(i, 160))
			pass(20 * time.Millisecond)
		}
		if got := r.take(); len(got) != 1600 || bytes.Contains(got, bytes.Repeat([]byte{0xFF}, 80)) {
			t.Errorf("%d bytes of 10 packets after the change", len(got))
		}
		key(5, held, ph.seq, false) // the same key at the same timestamp, in the new stream
		key(5, held, ph.seq+1, true)
		key(5, held, ph.seq+2, true)
		ph.seq += 3
		ph.talkFor(time.Second)
		if got := next(); len(got) != 2 || got[0] != '5' || got[1] != '5' {
			t.Errorf("keys %q", string(got))
		}
		if st := r.Stats(); st.Resets != 1 || st.Lost != 0 || r.isLost() {
			t.Errorf("%+v", st)
		}
	})
}

// Timestamps that jump are a new base, not hours of silence; what is said after it is
// heard, and the call is neither faster nor slower for it.
func TestTimestampJumps(t *testing.T) {
	for _, jump := range []uint32{8000 * 3600, 1 << 31, 1<<31 - 1, 4001, 1<<32 - 160, 1<<32 - 8000*3600} {
		started(t, Params{}, func(r *rig, ph *phone) {
			ph.talkFor(time.Second)
			r.take()
			ph.ts += jump
			ph.talkFor(time.Second)
			if got := r.take(); len(got) != 8000 || !bytes.Equal(got[:160], voice(0, 160)) {
				t.Errorf("jump of %d: %d bytes in a second", jump, len(got))
			}
			if st := r.Stats(); st.Resets != 1 || st.Lost+st.Late != 0 || st.Silence+st.Concealed+st.Filled != 0 {
				t.Errorf("jump of %d: %+v", jump, st)
			}
		})
	}
}

// Comfort noise instead of audio: silence in its time, and the words behind it in place.
func TestComfortNoiseForAWhile(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		ph.talkFor(time.Second)
		r.take()
		for range 30 { // 3 s of silence, an update each 100 ms
			r.inject(rtpBytes(comfortNoisePT, ph.seq, ph.ts, ph.ssrc, []byte{60, 1, 2}), ph.addr)
			ph.seq++
			ph.ts += 800
			pass(100 * time.Millisecond)
		}
		ph.talkFor(time.Second)
		got := r.take()
		if d := len(got) - 4*8000; d < -320 || d > 320 {
			t.Errorf("%d bytes in 4 s", len(got))
		}
		quiet, speech := got[:len(got)-8000], got[len(got)-8000:]
		if !isSilence(quiet, transcode.PCMU) || !bytes.Equal(speech[:160], voice(0, 160)) {
			t.Error("no silence, or no speech behind it")
		}
		if st := r.Stats(); st.ComfortNoise != 30 || st.Lost != 0 || st.Concealed != 0 || r.isLost() {
			t.Errorf("%+v", st)
		}
	})
}
