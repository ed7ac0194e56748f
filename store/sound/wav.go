package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/trunkline/trunkline/transcode"
)

// The header of a file, and of what is served:
//
//	 0  RIFF size WAVE
//	12  fmt  size tag channels rate bytes/s align bits [0]
//	    fact size samples                                     of a file only: G.711
//	    data size
const (
	fileHead   = 58
	servedHead = 44
	tagPCM     = 1
	tagALaw    = 6
	tagMuLaw   = 7
	unknown    = 0xFFFFFFFF // lengths of a file that is still written
)

// headOf begins a file.
func headOf(law transcode.Law) []byte {
	tag := uint16(tagMuLaw)
	if law == transcode.PCMA {
		tag = tagALaw
	}
	b := append(make([]byte, 0, fileHead), "RIFF\xff\xff\xff\xffWAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 18)
	b = format(b, tag, 8)
	b = append(b, 0, 0)
	b = append(b, "fact\x04\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint32(b, unknown)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, unknown)
}

// format appends the common part of a fmt chunk: two channels at 8 kHz.
func format(b []byte, tag, bits uint16) []byte {
	align := 2 * bits / 8
	b = binary.LittleEndian.AppendUint16(b, tag)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint32(b, transcode.SampleRate)
	b = binary.LittleEndian.AppendUint32(b, transcode.SampleRate*uint32(align))
	b = binary.LittleEndian.AppendUint16(b, align)
	return binary.LittleEndian.AppendUint16(b, bits)
}

// errNotOurs: the file was not written by this package.
var errNotOurs = errors.New("not a recording of a call")

// lawOf reads the head of a file.
func lawOf(head []byte) (transcode.Law, error) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		if string(head) == string(headOf(law)) {
			return law, nil
		}
	}
	return 0, errNotOurs
}

// view serves a file as 16 bit PCM. Every position of it can be computed, so that it can be read from anywhere.
//
// Owned by its reader.
type view struct {
	file  io.ReaderAt
	law   transcode.Law
	pairs int64 // samples of each channel
	at    int64
	buf   [4096]byte
	close func() error
}

func newView(file io.ReaderAt, size int64, close func() error) (*view, error) {
	head := make([]byte, fileHead)
	if _, err := file.ReadAt(head, 0); err != nil && (err != io.EOF || size < fileHead) {
		return nil, fmt.Errorf("read the head of a recording: %w", err)
	}
	law, err := lawOf(head)
	if err != nil {
		return nil, err
	}
	return &view{file: file, law: law, pairs: (size - fileHead) / 2, close: close}, nil
}

// size is how many bytes are served: four for each pair.
func (v *view) size() int64 { return servedHead + 4*v.pairs }

func (v *view) head() []byte {
	data := uint32(min(4*v.pairs, unknown-servedHead)) // 4 GiB are 37 hours
	b := append(make([]byte, 0, servedHead), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, data+servedHead-8)
	b = append(b, "WAVEfmt \x10\x00\x00\x00"...)
	b = format(b, tagPCM, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, data)
}

// Read implements io.Reader.
func (v *view) Read(p []byte) (int, error) {
	switch {
	case v.at >= v.size():
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case v.at < servedHead:
		n := copy(p, v.head()[v.at:])
		v.at += int64(n)
		return n, nil
	}
	return v.samples(p)
}

// samples reads from the middle of a sample on, if need be.
func (v *view) samples(p []byte) (int, error) {
	offset := v.at - servedHead
	first, odd := offset/2, int(offset%2) // law bytes before it; which half of the sample
	want := min(int64(len(p)+odd+1)/2, int64(len(v.buf)), 2*v.pairs-first)
	got, err := v.file.ReadAt(v.buf[:want], fileHead+first)
	if got == 0 {
		return 0, err
	}
	n := 0
	for _, b := range v.buf[:got] {
		s := v.law.Decode(b)
		if odd == 0 {
			p[n] = byte(s)
			n++
		}
		if odd = 0; n < len(p) {
			p[n] = byte(s >> 8)
			n++
		}
	}
	v.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (v *view) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += v.at
	case io.SeekEnd:
		offset += v.size()
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a recording")
	}
	v.at = offset
	return offset, nil
}

// Close implements io.Closer.
func (v *view) Close() error { return v.close() }
