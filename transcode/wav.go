package transcode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of ReadWAV. A file outside them is refused, not truncated.
const (
	MinWAVRate  = 1000     // Hz
	MaxWAVRate  = 384000   // Hz
	MaxWAVBytes = 64 << 20 // bytes of sound data
)

// Errors of ReadWAV; the message names the chunk or the value at fault.
var (
	// ErrNotWAV: the bytes are no RIFF/WAVE file, or a broken one.
	ErrNotWAV = errors.New("not a WAV file")
	// ErrWAVUnsupported: a sound WAV file in a format this package does not read.
	ErrWAVUnsupported = errors.New("unsupported WAV format")
)

// WAV is a decoded sound file.
type WAV struct {
	Rate    int     // samples per second, MinWAVRate..MaxWAVRate
	Samples []int16 // mono; a stereo file is mixed down
}

// Format tags of the "fmt " chunk (Microsoft's mmreg.h; RFC 2361 lists them).
const (
	tagPCM        = 1
	tagALaw       = 6
	tagMuLaw      = 7
	tagExtensible = 0xFFFE // the real tag follows at offset 24
)

// wavFormat is the part of the "fmt " chunk that matters:
//
//	0      2         4            8           12      14     16 … 24
//	| tag  | channels| rate       | bytes/s   | align | bits |    tag (extensible)
type wavFormat struct {
	tag, channels, bits int
	rate                int
}

// ReadWAV reads a RIFF/WAVE file: PCM of 8 or 16 bits, A-law or µ-law, one or
// two channels, any usual sample rate (resample the result with Resample). A
// data chunk that announces more than there is (a recorder that was killed, a
// stream with unknown length) ends where the file ends. Errors answer to
// errors.Is with ErrNotWAV or ErrWAVUnsupported, or are the reader's own.
func ReadWAV(r io.Reader) (WAV, error) { return readWAV(r, MaxWAVBytes) }

func readWAV(r io.Reader, maxBytes int64) (WAV, error) {
	var riff [12]byte
	if _, err := io.ReadFull(r, riff[:]); err != nil {
		return WAV{}, notWAV("header", err)
	}
	if string(riff[0:4]) != "RIFF" || string(riff[8:12]) != "WAVE" {
		return WAV{}, fmt.Errorf("read RIFF header: %w", ErrNotWAV)
	}
	var format *wavFormat
	for {
		id, size, err := readChunkHeader(r)
		if err != nil {
			return WAV{}, err
		}
		switch {
		case id == "fmt ":
			if format, err = readFormat(r, size); err != nil {
				return WAV{}, err
			}
		case id == "data" && format != nil:
			return readData(r, min(int64(size), maxBytes+1), maxBytes, *format)
		case id == "data":
			return WAV{}, fmt.Errorf("read data chunk before fmt chunk: %w", ErrNotWAV)
		default:
			if err := skip(r, padded(size)); err != nil {
				return WAV{}, notWAV(fmt.Sprintf("chunk %q", id), err)
			}
		}
	}
}

func readChunkHeader(r io.Reader) (id string, size uint32, err error) {
	var h [8]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", 0, notWAV("chunk header", err)
	}
	return string(h[:4]), binary.LittleEndian.Uint32(h[4:]), nil
}

func readFormat(r io.Reader, size uint32) (*wavFormat, error) {
	if size < 16 || size > 4096 {
		return nil, fmt.Errorf("read fmt chunk of %d bytes: %w", size, ErrNotWAV)
	}
	b := make([]byte, padded(size))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, notWAV("fmt chunk", err)
	}
	le := binary.LittleEndian
	f := &wavFormat{
		tag:      int(le.Uint16(b[0:])),
		channels: int(le.Uint16(b[2:])),
		rate:     int(le.Uint32(b[4:])),
		bits:     int(le.Uint16(b[14:])),
	}
	if f.tag == tagExtensible && size >= 40 {
		f.tag = int(le.Uint16(b[24:]))
	}
	return f, f.check()
}

// check refuses what readData cannot decode.
func (f *wavFormat) check() error {
	known := f.tag == tagPCM && (f.bits == 8 || f.bits == 16) ||
		(f.tag == tagALaw || f.tag == tagMuLaw) && f.bits == 8
	switch {
	case !known:
		return fmt.Errorf("format tag %d with %d bits: %w", f.tag, f.bits, ErrWAVUnsupported)
	case f.channels < 1 || f.channels > 2:
		return fmt.Errorf("%d channels: %w", f.channels, ErrWAVUnsupported)
	case f.rate < MinWAVRate || f.rate > MaxWAVRate:
		return fmt.Errorf("sample rate %d Hz: %w", f.rate, ErrWAVUnsupported)
	}
	return nil
}

// readData reads the sound. Memory grows with what is really there, never with
// what the header claims.
func readData(r io.Reader, size, maxBytes int64, f wavFormat) (WAV, error) {
	raw, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return WAV{}, fmt.Errorf("read data chunk: %w", err)
	}
	if int64(len(raw)) > maxBytes {
		return WAV{}, fmt.Errorf("more than %d bytes of sound: %w", maxBytes, ErrWAVUnsupported)
	}
	return WAV{Rate: f.rate, Samples: mixDown(f.decode(raw), f.channels)}, nil
}

// decode turns raw bytes into samples, channels interleaved.
func (f wavFormat) decode(raw []byte) []int16 {
	out := make([]int16, len(raw)*8/f.bits)
	switch {
	case f.tag == tagMuLaw:
		PCMU.DecodeTo(out, raw)
	case f.tag == tagALaw:
		PCMA.DecodeTo(out, raw)
	case f.bits == 8: // unsigned, 128 is silence
		for i := range out {
			out[i] = (int16(raw[i]) - 128) << 8
		}
	default:
		for i := range out {
			out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
	return out
}

// mixDown averages interleaved channels; an incomplete last pair is dropped.
func mixDown(s []int16, channels int) []int16 {
	if channels == 1 {
		return s
	}
	n := len(s) / 2
	for i := range n {
		s[i] = int16((int(s[2*i]) + int(s[2*i+1])) / 2)
	}
	return s[:n]
}

// WriteWAV writes samples as a 16-bit mono PCM file of the given rate in Hz.
// Errors are those of w, or ErrWAVUnsupported when the rate or the length does
// not fit (a RIFF file ends at 4 GiB).
func WriteWAV(w io.Writer, samples []int16, rate int) error {
	const headerBytes, maxSamples = 44, (1<<32 - 1 - 44) / 2
	if rate < MinWAVRate || rate > MaxWAVRate || len(samples) > maxSamples {
		return fmt.Errorf("write %d samples at %d Hz: %w", len(samples), rate, ErrWAVUnsupported)
	}
	n := uint32(2 * len(samples))
	le := binary.LittleEndian
	b := make([]byte, 0, headerBytes+int(n))
	b = le.AppendUint32(append(b, "RIFF"...), headerBytes-8+n)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, tagPCM), 1)
	b = le.AppendUint32(le.AppendUint32(b, uint32(rate)), uint32(2*rate))
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), n)
	for _, s := range samples {
		b = le.AppendUint16(b, uint16(s))
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}

// padded: chunks are aligned to two bytes (RIFF specification).
func padded(size uint32) int64 { return int64(size) + int64(size&1) }

func skip(r io.Reader, n int64) error {
	m, err := io.Copy(io.Discard, io.LimitReader(r, n))
	if err == nil && m < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// notWAV wraps a read error: a file that ends too early is a broken file, any
// other failure is the reader's.
func notWAV(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read %s: file ends: %w", what, ErrNotWAV)
	}
	return fmt.Errorf("read %s: %w", what, err)
}
