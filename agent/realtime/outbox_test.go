package realtime

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestP57OldestAudioLeavesFirst(t *testing.T) {
	o := newOutbox(2 * time.Second)
	dropped := 0
	for i := range 150 { // three seconds at once
		frame := make([]byte, 160)
		frame[0] = byte(i)
		ms, err := o.addAudio(frame)
		if err != nil {
			t.Fatalf("frame %d: %v: a burst is no stall", i, err)
		}
		dropped += ms
	}
	_, audio := o.take(nil)
	if dropped != 1000 || len(audio) != 800 || audio[0] != 50 {
		t.Errorf("dropped %d ms, then %d bytes from frame %d, want 1000, 800, 50", dropped, len(audio), audio[0])
	}
}

func TestR08StallIsTwoSecondsBehind(t *testing.T) {
	for _, queue := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			o, start := newOutbox(queue), time.Now()
			dropped := 0
			for {
				ms, err := o.addAudio(make([]byte, 160))
				dropped += ms
				if err != nil {
					if !errors.Is(err, ErrStalled) {
						t.Fatal(err)
					}
					break
				}
				<-time.After(20 * time.Millisecond)
			}
			waited := time.Since(start)
			if want := max(queue, stallAfter); waited < want || waited > want+40*time.Millisecond {
				t.Errorf("queue %v: stalled after %v, want %v", queue, waited, want)
			}
			if want := int((waited - queue).Milliseconds()); dropped < want || dropped > want+40 {
				t.Errorf("queue %v: dropped %d ms, want about %d", queue, dropped, want)
			}
		})
	}
}

func TestSlowLinkThatMovesIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(2 * time.Second)
		for i := range 3000 { // a minute; the link hangs for a second out of three
			if ms, err := o.addAudio(make([]byte, 160)); ms > 0 || err != nil {
				t.Fatalf("frame %d: dropped %d ms, %v", i, ms, err)
			}
			for i%150 < 100 {
				if _, audio := o.take(nil); len(audio) == 0 {
					break
				}
			}
			<-time.After(20 * time.Millisecond)
		}
	})
}

func TestAudioQueueCountsInItsFormat(t *testing.T) {
	o := newOutbox(time.Second)
	o.setFormat(FormatPCM24)
	o.setFormat(FormatUnknown)
	if ms, err := o.addAudio(make([]byte, 48*1100)); ms != 100 || err != nil {
		t.Errorf("of 1100 ms of PCM in a queue of 1 s %d ms were dropped, %v, want 100", ms, err)
	}
	if _, audio := o.take(nil); len(audio) != 4800 {
		t.Errorf("a message holds %d bytes of PCM, want 100 ms", len(audio))
	}
}

func TestControlOvertakesAudioInOrder(t *testing.T) {
	o := newOutbox(time.Second)
	o.addAudio(make([]byte, 160))
	for _, text := range []string{"a", "b"} {
		if err := o.addControl(outgoing{text: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	var order string
	for range 3 {
		m, audio := o.take(nil)
		order += string(m.text)
		if audio != nil {
			order += "audio"
		}
	}
	if order != "abaudio" {
		t.Errorf("left in order %q", order)
	}
}

func TestControlQueueIsBounded(t *testing.T) {
	o := newOutbox(time.Second)
	for i := range maxControl {
		if err := o.addControl(outgoing{text: []byte("x")}); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if err := o.addControl(outgoing{text: []byte("x")}); !errors.Is(err, ErrQueueFull) {
		t.Errorf("one more: %v, want ErrQueueFull", err)
	}
}
