package trunkline_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/transcode"
)

// callerClip is a built-in line of a synthetic caller, the voice named.
func callerClip(t *testing.T, name string) simulator.Clip {
	t.Helper()
	samples, text, ok := simulator.CallerClip(name)
	if !ok {
		t.Fatalf("no clip %s", name)
	}
	return simulator.Clip{Name: name, Text: text, Samples: samples}
}

// humanClip is a recorded person, from a package of Debian.
func humanClip(t *testing.T, name, text string) simulator.Clip {
	t.Helper()
	f, err := os.Open(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav"))
	if err != nil {
		t.Fatalf("this test needs recorded speech: apt-get install asterisk-core-sounds-en-wav (%v)", err)
	}
	defer f.Close()
	wav, err := transcode.ReadWAV(f)
	if err != nil || wav.Rate != transcode.SampleRate {
		t.Fatalf("%s: %d Hz, %v", name, wav.Rate, err)
	}
	whole := len(wav.Samples) / transcode.FrameBytes * transcode.FrameBytes
	return simulator.Clip{Name: "human-" + name, Text: text, Samples: wav.Samples[:whole]}
}

// encode is a clip in a law, with silence behind it, as sipp streams it.
func encode(law transcode.Law, c simulator.Clip) []byte {
	out := make([]byte, len(c.Samples))
	law.EncodeTo(out, c.Samples)
	return append(out, bytes.Repeat([]byte{law.Silence()}, 10*transcode.FrameBytes)...)
}

// lawFile writes a clip as a headerless file of law bytes.
func lawFile(t *testing.T, law transcode.Law, c simulator.Clip) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), c.Name+"."+law.String())
	if err := os.WriteFile(name, encode(law, c), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// voiced reports whether a frame holds anything but digital silence.
func voiced(law transcode.Law, frame []byte) bool {
	for _, b := range frame {
		if b != law.Silence() {
			return true
		}
	}
	return false
}

func countVoiced(law transcode.Law, packets []rtpPacket) (n int) {
	for _, p := range packets {
		if voiced(law, p.payload) {
			n++
		}
	}
	return n
}

// frames cuts audio into 20 ms, the last one padded with silence.
func frames(law transcode.Law, audio []byte) (list [][]byte) {
	for len(audio) > 0 {
		n := min(len(audio), transcode.FrameBytes)
		frame := bytes.Repeat([]byte{law.Silence()}, transcode.FrameBytes)
		copy(frame, audio[:n])
		list = append(list, frame)
		audio = audio[n:]
	}
	return list
}

// compareUplink wants what the phone sent in what the model received: every packet whole, in order, and nothing between
// them but silence, which the service puts in while the phone sends nothing.
func compareUplink(t *testing.T, law transcode.Law, sent []rtpPacket, received []byte) {
	t.Helper()
	sentHash, receivedHash := sha256.New(), sha256.New()
	at, packets := 0, 0
	for i, p := range sent {
		if !voiced(law, p.payload) {
			continue
		}
		packets++
		for !bytes.HasPrefix(received[at:], p.payload) {
			if at >= len(received) || received[at] != law.Silence() {
				t.Fatalf("packet %d of the phone (sequence %d) did not reach the model whole: at byte %d of %d it got something else",
					i, p.seq, at, len(received))
			}
			at++
		}
		sentHash.Write(p.payload)
		receivedHash.Write(received[at : at+len(p.payload)])
		at += len(p.payload)
	}
	if voiced(law, received[at:]) {
		t.Errorf("the model received sound that the phone never sent, at byte %d", at)
	}
	if packets == 0 || !bytes.Equal(sentHash.Sum(nil), receivedHash.Sum(nil)) {
		t.Fatalf("%d packets with sound; SHA-256 sent %x, received %x", packets, sentHash.Sum(nil), receivedHash.Sum(nil))
	}
	t.Logf("uplink: %d packets, SHA-256 %x", packets, receivedHash.Sum(nil))
}

// heardPart is how much of an item was on the wire, in milliseconds: more than from, not more than to. They differ by the
// item's own silence, which looks like that of the stream.
type heardPart struct{ from, to int }

// downlink is how far what the model spoke was found on the wire.
type downlink struct {
	heard  map[string]heardPart // by item
	frames [][]byte             // with sound, all of them on the wire
	found  int                  // of frames
	fault  string               // where the two differ, "" when every item was found
}

// match walks along the items that the model spoke and the frames on the wire: every item must be there whole but for
// those that were truncated, or deleted unheard, in order.
func match(law transcode.Law, rec *simulator.Record, wire []rtpPacket) *downlink {
	d := &downlink{heard: map[string]heardPart{}}
	for _, p := range wire {
		if voiced(law, p.payload) {
			d.frames = append(d.frames, p.payload)
		}
	}
	cut, deletes := map[string]bool{}, countEvents(rec, "conversation.item.delete")
	for _, c := range rec.Truncations {
		cut[c.ItemID] = true
	}
	for _, item := range rec.Spoken {
		part, whole := d.matchItem(frames(law, item.Audio), law)
		d.heard[item.ItemID] = part
		switch {
		case whole || cut[item.ItemID]:
		case part.from == 0 && deletes > 0:
			deletes--
		default:
			d.fault = fmt.Sprintf("%q was found up to %d ms, after %d of %d frames with sound", item.Text, part.from, d.found, len(d.frames))
			return d
		}
	}
	return d
}

func (d *downlink) matchItem(audio [][]byte, law transcode.Law) (part heardPart, whole bool) {
	for i, frame := range audio {
		if !voiced(law, frame) {
			continue
		}
		if d.found == len(d.frames) || !bytes.Equal(d.frames[d.found], frame) {
			part.to = 20 * i
			return part, false
		}
		part.from, part.to = 20*(i+1), 20*(i+1)
		d.found++
	}
	return part, true
}

func (d *downlink) hash() []byte {
	h := sha256.New()
	for _, f := range d.frames[:d.found] {
		h.Write(f)
	}
	return h.Sum(nil)
}

// compareDownlink wants all that the model spoke on the wire, and nothing else but silence. It returns how much of each
// item was sent.
func compareDownlink(t *testing.T, law transcode.Law, rec *simulator.Record, wire []rtpPacket) map[string]heardPart {
	t.Helper()
	d := match(law, rec, wire)
	if d.fault != "" {
		t.Fatal(d.fault)
	}
	if d.found == 0 || d.found < len(d.frames) {
		t.Fatalf("%d of %d frames with sound are what the model spoke; the others it never did, or after it was cut", d.found, len(d.frames))
	}
	t.Logf("downlink: %d frames, SHA-256 %x", d.found, d.hash())
	return d.heard
}
