package supervisor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/trunkline/trunkline/transcode"
)

// wavOf is a WAV file with an odd chunk before the sound.
func wavOf(tag, channels, rate int, sound []byte) []byte {
	bits := 8
	if tag == wavPCM {
		bits = 16
	}
	le := binary.LittleEndian
	out := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x12\x00\x00\x00")
	out = le.AppendUint16(out, uint16(tag))
	out = le.AppendUint16(out, uint16(channels))
	out = le.AppendUint32(out, uint32(rate))
	out = le.AppendUint32(out, uint32(rate*channels*bits/8))
	out = le.AppendUint16(out, uint16(channels*bits/8))
	out = le.AppendUint16(out, uint16(bits))
	out = append(out, 0, 0)
	out = append(out, "LIST\x03\x00\x00\x00abc\x00data"...)
	out = le.AppendUint32(out, uint32(len(sound)))
	out = append(out, sound...)
	le.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func pcm(samples ...int16) (out []byte) {
	for _, s := range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}

func TestPeaksOfEachChannel(t *testing.T) {
	file := wavOf(wavPCM, 2, 2, pcm(256, -256, 512, -512, 1024, 0, -2048, 4096)) // (1,-1) (2,-2) | (4,0) (-8,16) by the high byte
	want := &waveform{Seconds: 2, Channels: []channel{
		{"caller", []int8{1, -8}, []int8{2, 4}}, {"agent", []int8{-2, 0}, []int8{-1, 16}}}}
	if got, err := readPeaks(t.Context(), bytes.NewReader(file), 2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestPeaksOfUnfinishedFile(t *testing.T) {
	sound := pcm(256, 512, 768)
	for _, size := range []uint32{0, 0xFFFFFFFF, 1 << 30} {
		file := wavOf(wavPCM, 1, 8000, sound)
		binary.LittleEndian.PutUint32(file[len(file)-len(sound)-4:], size)
		got, err := readPeaks(t.Context(), bytes.NewReader(file), 100)
		if err != nil || !reflect.DeepEqual(got.Channels, []channel{{"call", []int8{1, 2, 3}, []int8{1, 2, 3}}}) {
			t.Errorf("size %d: %+v, %v", size, got, err)
		}
	}
}

func TestLawsAreThoseOfTheCodec(t *testing.T) {
	for b := range 256 {
		if got, want := aLaw(byte(b)), transcode.PCMA.Decode(byte(b)); got != want {
			t.Errorf("A-law %#x is %d, want %d", b, got, want)
		}
		if got, want := uLaw(byte(b)), transcode.PCMU.Decode(byte(b)); got != want {
			t.Errorf("µ-law %#x is %d, want %d", b, got, want)
		}
	}
}

// TestPeaksMatchTheSlowWay compares with the plain definition, for sizes around the pieces that are read.
func TestPeaksMatchTheSlowWay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, frames := range []int{1, 2, 799, 800, 801, 32768, 32769, 70001} {
		sound := make([]byte, 2*frames)
		for i := range sound {
			sound[i] = byte(rnd.Uint32())
		}
		got, err := readPeaks(t.Context(), bytes.NewReader(wavOf(wavULaw, 2, 8000, sound)), usualPeaks)
		if err != nil {
			t.Fatal(err)
		}
		n := min(frames, usualPeaks)
		for c := range 2 {
			low, high := make([]int8, n), make([]int8, n)
			for i := range n {
				low[i], high[i] = 127, -128
			}
			for at := range frames {
				bin, v := at*n/frames, int8(uLaw(sound[2*at+c])>>8)
				low[bin], high[bin] = min(low[bin], v), max(high[bin], v)
			}
			if !reflect.DeepEqual(got.Channels[c].Min, low) || !reflect.DeepEqual(got.Channels[c].Max, high) {
				t.Errorf("%d frames, channel %d differ", frames, c)
			}
		}
	}
}

func TestFilesThatAreNoRecordings(t *testing.T) {
	good := wavOf(wavPCM, 2, 8000, pcm(1, 2))
	for name, file := range map[string][]byte{
		"empty":         {},
		"MP3":           []byte("ID3\x04 and much else behind it"),
		"cut off":       good[:30],
		"24 bits":       bytes.Replace(good, []byte{16, 0, 0, 0, 'L'}, []byte{24, 0, 0, 0, 'L'}, 1),
		"three tracks":  wavOf(wavPCM, 3, 8000, nil),
		"no rate":       wavOf(wavPCM, 2, 0, nil),
		"float":         wavOf(3, 2, 8000, nil),
		"without sound": good[:len(good)-12],
	} {
		if _, err := readPeaks(t.Context(), bytes.NewReader(file), 10); !errors.Is(err, errNotWAV) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestReadingThatFailsIsNoVerdict(t *testing.T) {
	file := wavOf(wavPCM, 2, 8000, pcm(1, 2, 3, 4))
	read := 12 + 8 + 16 + 8 + 8 + 8 // what is not passed over: heads, the format and the sound
	for at := range read + 1 {
		_, err := readPeaks(t.Context(), &torn{bytes.NewReader(file), at}, 10)
		if errors.Is(err, errTorn) != (at < read) {
			t.Errorf("torn at %d: error %v", at, err)
		}
	}
}

var errTorn = errors.New("the disk is gone")

// torn fails once so many bytes were read.
type torn struct {
	*bytes.Reader
	left int
}

func (f *torn) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, errTorn
	}
	n, err := f.Reader.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

func FuzzPeaks(f *testing.F) {
	f.Add(wavOf(wavPCM, 2, 8000, pcm(1, 2, 3, 4)), 3)
	f.Add(wavOf(wavALaw, 1, 8000, []byte{1, 2, 3}), 1)
	f.Fuzz(func(t *testing.T, file []byte, n int) {
		n = max(1, min(n, mostPeaks))
		wave, err := readPeaks(t.Context(), bytes.NewReader(file), n)
		if err != nil {
			if !errors.Is(err, errNotWAV) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v", err)
			}
			return
		}
		for _, c := range wave.Channels {
			if len(c.Min) > n || len(c.Min) != len(c.Max) {
				t.Errorf("%d and %d values of %d", len(c.Min), len(c.Max), n)
			}
			for i := range c.Min {
				if c.Min[i] > c.Max[i] {
					t.Errorf("bin %d from %d to %d", i, c.Min[i], c.Max[i])
				}
			}
		}
	})
}
