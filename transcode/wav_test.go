package transcode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

// riff builds a WAV file by hand, so that the reader is not tested by the writer.
func riff(tag, channels uint16, rate uint32, bits uint16, data []byte, extra ...byte) []byte {
	le := binary.LittleEndian
	align := channels * bits / 8
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), le.AppendUint32(nil, uint32(16+len(extra)))...)
	b = le.AppendUint16(le.AppendUint16(b, tag), channels)
	b = le.AppendUint32(le.AppendUint32(b, rate), rate*uint32(align))
	b = le.AppendUint16(le.AppendUint16(b, align), bits)
	b = append(b, extra...)
	b = append(le.AppendUint32(append(b, "data"...), uint32(len(data))), data...)
	le.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func TestReadWAVFormats(t *testing.T) {
	extensible := append([]byte{22, 0, 16, 0, 4, 0, 0, 0, 1, 0}, make([]byte, 14)...)
	for _, c := range []struct {
		name string
		file []byte
		want WAV
	}{
		{"16 bit", riff(1, 1, 8000, 16, []byte{1, 0, 0xFF, 0xFF}), WAV{8000, []int16{1, -1}}},
		{"16 bit stereo", riff(1, 2, 44100, 16, []byte{10, 0, 20, 0, 0, 0x80, 0, 0x80}), WAV{44100, []int16{15, -32768}}},
		{"half a pair", riff(1, 2, 44100, 16, []byte{10, 0, 20, 0, 1, 0}), WAV{44100, []int16{15}}},
		{"half a sample", riff(1, 1, 8000, 16, []byte{10, 0, 20}), WAV{8000, []int16{10}}},
		{"8 bit", riff(1, 1, 11025, 8, []byte{128, 0, 255}), WAV{11025, []int16{0, -32768, 32512}}},
		{"µ-law", riff(7, 1, 8000, 8, []byte{0xFF, 0x00, 0x80}), WAV{8000, []int16{0, -32124, 32124}}},
		{"A-law", riff(6, 1, 8000, 8, []byte{0xD5, 0x2A}), WAV{8000, []int16{8, -32256}}},
		{"A-law with extension size", riff(6, 1, 8000, 8, []byte{0xD5}, 0, 0), WAV{8000, []int16{8}}},
		{"extensible", riff(0xFFFE, 1, 48000, 16, []byte{7, 0}, extensible...), WAV{48000, []int16{7}}},
		{"no sound", riff(1, 1, 8000, 16, nil), WAV{8000, []int16{}}},
	} {
		got, err := ReadWAV(iotest.OneByteReader(bytes.NewReader(c.file)))
		if err != nil || got.Rate != c.want.Rate || !slices.Equal(got.Samples, c.want.Samples) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestReadWAVSkipsOtherChunks(t *testing.T) {
	file := riff(1, 1, 8000, 16, []byte{9, 0})
	odd := []byte("LIST\x03\x00\x00\x00abc\x00") // odd size, padded
	file = slices.Insert(file, 12, odd...)
	got, err := ReadWAV(bytes.NewReader(file))
	if err != nil || !slices.Equal(got.Samples, []int16{9}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// Recorders that die leave a data size of 0xFFFFFFFF or more than there is.
func TestReadWAVToEndOfFile(t *testing.T) {
	file := riff(1, 1, 8000, 16, []byte{9, 0, 8, 0})
	binary.LittleEndian.PutUint32(file[40:], 0xFFFFFFFF)
	got, err := ReadWAV(bytes.NewReader(file))
	if err != nil || !slices.Equal(got.Samples, []int16{9, 8}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadWAVRefuses(t *testing.T) {
	good := riff(1, 1, 8000, 16, []byte{9, 0})
	for _, c := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrNotWAV},
		{"text", []byte("#!/bin/sh\necho hello world\n"), ErrNotWAV},
		{"header only", good[:12], ErrNotWAV},
		{"cut fmt", good[:30], ErrNotWAV},
		{"no data", good[:36], ErrNotWAV},
		{"data first", slices.Delete(slices.Clone(good), 12, 36), ErrNotWAV},
		{"cut chunk", []byte("RIFF\x00\x00\x00\x00WAVELIST\xff\xff\xff\xffab"), ErrNotWAV},
		{"huge fmt", []byte("RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff"), ErrNotWAV},
		{"float", riff(3, 1, 8000, 32, nil), ErrWAVUnsupported},
		{"24 bit", riff(1, 1, 8000, 24, nil), ErrWAVUnsupported},
		{"six channels", riff(1, 6, 8000, 16, nil), ErrWAVUnsupported},
		{"no channel", riff(1, 0, 8000, 16, nil), ErrWAVUnsupported},
		{"no rate", riff(1, 1, 0, 16, nil), ErrWAVUnsupported},
	} {
		if _, err := ReadWAV(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A header may claim 4 GiB; what is read stops at the limit.
func TestReadWAVLimitsMemory(t *testing.T) {
	head := riff(7, 1, 8000, 8, nil)
	binary.LittleEndian.PutUint32(head[40:], 0xFFFFFFFF)
	endless := io.MultiReader(bytes.NewReader(head), endlessReader{})
	if _, err := readWAV(endless, 1000); !errors.Is(err, ErrWAVUnsupported) {
		t.Errorf("got %v", err)
	}
}

// endlessReader never ends; what it gives does not matter.
type endlessReader struct{}

func (endlessReader) Read(b []byte) (int, error) { return len(b), nil }

func TestReadWAVPassesReadErrors(t *testing.T) {
	if _, err := ReadWAV(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestWriteWAVRoundTrip(t *testing.T) {
	want := []int16{0, 1, -1, 32767, -32768}
	var b bytes.Buffer
	if err := WriteWAV(&b, want, 16000); err != nil {
		t.Fatal(err)
	}
	if size := binary.LittleEndian.Uint32(b.Bytes()[4:]); int(size) != b.Len()-8 {
		t.Errorf("RIFF size %d in a file of %d bytes", size, b.Len())
	}
	got, err := ReadWAV(&b)
	if err != nil || got.Rate != 16000 || !slices.Equal(got.Samples, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWriteWAVErrors(t *testing.T) {
	if err := WriteWAV(io.Discard, nil, 0); !errors.Is(err, ErrWAVUnsupported) {
		t.Errorf("rate 0: %v", err)
	}
	r, w := io.Pipe()
	r.Close()
	if err := WriteWAV(w, nil, 8000); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("closed pipe: %v", err)
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(riff(1, 2, 44100, 16, []byte{1, 2, 3, 4, 5}))
	f.Add(riff(7, 1, 8000, 8, []byte{1, 2, 3}))
	f.Add(riff(0xFFFE, 1, 8000, 16, nil, make([]byte, 24)...))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00data\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := ReadWAV(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrNotWAV) && !errors.Is(err, ErrWAVUnsupported) {
				t.Fatalf("an error that answers nothing: %v", err)
			}
			return
		}
		if w.Rate < MinWAVRate || w.Rate > MaxWAVRate || len(w.Samples) > len(file) {
			t.Fatalf("%d samples at %d Hz from %d bytes", len(w.Samples), w.Rate, len(file))
		}
	})
}
