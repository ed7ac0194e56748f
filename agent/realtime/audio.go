package realtime

import (
	"encoding/base64"
	"errors"
)

const (
	appendHead = `{"type":"input_audio_buffer.append","audio":"`
	appendTail = `"}`
)

// appendAudio writes an input_audio_buffer.append, which is the same in both dialects. It allocates only to grow dst.
func appendAudio(dst, audio []byte) []byte {
	dst = append(dst, appendHead...)
	dst = base64.StdEncoding.AppendEncode(dst, audio)
	return append(dst, appendTail...)
}

var errBase64 = errors.New("audio is not whole base64")

// decodeInPlace turns base64 text into the bytes it stands for, in the same memory: three bytes take the place of four
// characters, so the writer never overtakes the reader. The text is gone whatever happens.
func decodeInPlace(text []byte) ([]byte, error) {
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, err
	}
	// The decoder skips line breaks, which JSON does not allow inside a string: then bytes are missing here.
	if len(text)%4 != 0 || n < len(text)/4*3-2 {
		return nil, errBase64
	}
	return text[:n], nil
}
