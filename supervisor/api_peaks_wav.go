package supervisor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// errNotWAV: the file is no WAV file, or of a form that recordings do not have.
var errNotWAV = errors.New("not a WAV file of 16 bit PCM, A-law or µ-law with one or two channels")

// wavHead is the form of a recording. Little endian, all of it:
//
//	"RIFF" size "WAVE" { id(4) size(4) bytes… pad to even }…
//	"fmt ": tag(2) channels(2) rate(4) bytes/s(4) frame bytes(2) bits(2) …
type wavHead struct {
	tag, channels, bits int
	rate                int
	data                int64 // bytes of sound
}

// The tags of the formats (RFC 2361).
const (
	wavPCM  = 1
	wavALaw = 6
	wavULaw = 7
)

// readHead leaves r at the first sample. The size of a recording that was not closed is not in it: then all up to the end
// of the file is sound.
func readHead(r io.ReadSeeker) (h wavHead, err error) {
	var riff [12]byte
	if _, err := io.ReadFull(r, riff[:]); err != nil || string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return h, broken(err, "no RIFF header")
	}
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return h, broken(err, "no data chunk")
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if err := h.readFormat(r, size); err != nil {
				return h, err
			}
		case "data":
			h.data, err = dataSize(r, size)
			if err == nil && h.tag == 0 {
				err = broken(nil, "data before its format")
			}
			return h, err
		default:
			if _, err := r.Seek(size+size%2, io.SeekCurrent); err != nil {
				return h, err
			}
		}
	}
}

func (h *wavHead) readFormat(r io.ReadSeeker, size int64) error {
	var f [16]byte
	if size < int64(len(f)) {
		return broken(nil, "a short format")
	}
	if _, err := io.ReadFull(r, f[:]); err != nil {
		return broken(err, "half a format")
	}
	h.tag, h.channels = int(binary.LittleEndian.Uint16(f[0:])), int(binary.LittleEndian.Uint16(f[2:]))
	h.rate, h.bits = int(binary.LittleEndian.Uint32(f[4:])), int(binary.LittleEndian.Uint16(f[14:]))
	law := (h.tag == wavALaw || h.tag == wavULaw) && h.bits == 8
	if !law && !(h.tag == wavPCM && h.bits == 16) || h.channels < 1 || h.channels > 2 || h.rate < 1 {
		return broken(nil, fmt.Sprintf("format %d of %d bits with %d channels", h.tag, h.bits, h.channels))
	}
	_, err := r.Seek(size+size%2-int64(len(f)), io.SeekCurrent)
	return err
}

// dataSize is what the chunk says, at most what the file has, and all that the file has when the chunk says nothing.
func dataSize(r io.ReadSeeker, said int64) (int64, error) {
	here, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if _, err = r.Seek(here, io.SeekStart); said == 0 || said == math.MaxUint32 {
		said = end - here
	}
	return max(0, min(said, end-here)), err
}

// broken is errNotWAV with the place, unless reading itself failed.
func broken(err error, what string) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: %s", errNotWAV, what)
}

var channelNames = [][]string{1: {"call"}, 2: {"caller", "agent"}}

// readPeaks reads a recording once, in pieces, and keeps n pairs a channel. Less than n samples give one pair a sample.
func readPeaks(ctx context.Context, r io.ReadSeeker, n int) (*waveform, error) {
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	width := h.bits / 8 * h.channels
	frames := h.data / int64(width)
	n = int(min(int64(n), frames))
	wave := &waveform{Seconds: float64(frames) / float64(h.rate)}
	for _, name := range channelNames[h.channels] {
		wave.Channels = append(wave.Channels, channel{name, make([]int8, n), make([]int8, n)})
	}
	sample := h.sample()
	buf := make([]byte, 64<<10-(64<<10)%width)
	for at := int64(0); at < frames; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := buf[:min(int64(len(buf)), (frames-at)*int64(width))]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, err
		}
		for i := 0; i < len(part); i += width {
			bin := int(at * int64(n) / frames)
			first := (at*int64(n))%frames < int64(n) // of its bin
			for c := range wave.Channels {
				wave.Channels[c].add(bin, sample(part[i+c*h.bits/8:]), first)
			}
			at++
		}
	}
	return wave, nil
}

func (c *channel) add(bin int, sample int8, first bool) {
	if first || sample < c.Min[bin] {
		c.Min[bin] = sample
	}
	if first || sample > c.Max[bin] {
		c.Max[bin] = sample
	}
}

// sample reads the sample at the front of bytes, of which the high byte is enough to draw.
func (h *wavHead) sample() func([]byte) int8 {
	switch h.tag {
	case wavALaw:
		return func(b []byte) int8 { return int8(aLaw(b[0]) >> 8) }
	case wavULaw:
		return func(b []byte) int8 { return int8(uLaw(b[0]) >> 8) }
	}
	return func(b []byte) int8 { return int8(b[1]) }
}

// aLaw expands a byte of ITU-T G.711 A-law to 16 bits.
func aLaw(b byte) int16 {
	b ^= 0x55
	exponent, step := b>>4&7, int16(b&15)<<4|8
	if exponent > 0 {
		step = (step | 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		return -step
	}
	return step
}

// uLaw expands a byte of ITU-T G.711 µ-law to 16 bits.
func uLaw(b byte) int16 {
	b = ^b
	step := (int16(b&15)<<3|0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -step
	}
	return step
}
