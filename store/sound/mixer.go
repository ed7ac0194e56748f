package sound

import (
	"bytes"
	"io"
)

// Channels of a recording.
const (
	Caller = 0 // left
	Agent  = 1 // right
)

// window is how many samples one direction may be behind the other: 3 s. The network delivers in pieces, and what it
// delays longer is not recorded.
const window = 3 * 8000

// mixer lays two directions side by side: samples come with their positions, and leave in order, one of each direction,
// with silence where nothing came.
//
//	         base                 top
//	written │ L R L R L R L R L R │      buf: two bytes a position, silence to begin with
//
// Owned by the recorder.
type mixer struct {
	out     io.Writer
	silence byte
	base    int64  // position of the first pair in buf
	top     int64  // behind the last position that was told of
	buf     []byte // window pairs
	late    uint64 // samples that came too late
}

func newMixer(out io.Writer, silence byte) *mixer {
	return &mixer{out: out, silence: silence, buf: bytes.Repeat([]byte{silence}, 2*window)}
}

// put lays audio into a channel. Without audio that is heard (mute) it only notes that time goes on.
func (m *mixer) put(channel int, position int64, audio []byte, mute bool) error {
	end := position + int64(len(audio))
	m.top = max(m.top, end)
	if err := m.advance(end - window); err != nil || mute {
		return err
	}
	if early := min(m.base-position, int64(len(audio))); early > 0 {
		m.late += uint64(early)
		audio, position = audio[early:], position+early
	}
	at := int(position-m.base)*2 + channel
	for _, b := range audio {
		m.buf[at] = b
		at += 2
	}
	return nil
}

// advance writes what lies before the position.
func (m *mixer) advance(position int64) error {
	for position > m.base {
		n := min(position-m.base, window)
		if _, err := m.out.Write(m.buf[:2*n]); err != nil {
			return err
		}
		kept := copy(m.buf, m.buf[2*n:])
		for i := kept; i < len(m.buf); i++ {
			m.buf[i] = m.silence
		}
		m.base += n
	}
	return nil
}

// close writes the rest.
func (m *mixer) close() error { return m.advance(m.top) }
