package sound

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/trunkline/trunkline/transcode"
)

// Recorder writes the recording of one call. Owned by one goroutine.
type Recorder struct {
	keep  *Keep
	id    string
	file  *os.File
	out   *bufio.Writer  // before file: a second of sound
	seal  io.WriteCloser // encrypts into out; nil: in the clear
	mixer *mixer
	err   error // the first; nothing is written after it
}

// Begin starts the recording of a call. Whatever goes wrong with it later is told by Finish: it is no reason to end a call.
func (k *Keep) Begin(callID string, law transcode.Law) (*Recorder, error) {
	path, err := k.part(callID)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Recorder{keep: k, id: callID, file: file, out: bufio.NewWriterSize(file, 2*transcode.SampleRate)}
	var out io.Writer = r.out
	if len(k.recipients) > 0 {
		if r.seal, err = age.Encrypt(r.out, k.recipients...); err != nil {
			return nil, errors.Join(err, file.Close(), os.Remove(path))
		}
		out = r.seal
	}
	r.mixer = newMixer(out, law.Silence())
	_, r.err = out.Write(headOf(law))
	return r, nil
}

// Frame takes a piece of one channel at its position in samples since the answer. What is mute takes its time and is not
// heard. Errors are kept for Finish; it reports whether there was one.
func (r *Recorder) Frame(channel int, position int64, audio []byte, mute bool) (ok bool) {
	if r.err == nil {
		r.err = r.mixer.put(channel, position, audio, mute)
	}
	return r.err == nil
}

// Late is how many samples were left out because they came more than three seconds late.
func (r *Recorder) Late() uint64 { return r.mixer.late }

// Finish completes the recording and puts it where it stays until expires (zero: for ever); [Keep.Upload] takes it on to a
// bucket. name is what Open takes. After an error there may be a recording all the same, of what could be written: then
// name is not empty. One that was discarded meanwhile has no name, and that is no error.
func (r *Recorder) Finish(expires time.Time) (name string, err error) {
	errs := []error{r.err}
	if r.err == nil {
		errs = append(errs, r.mixer.close())
	}
	if r.seal != nil {
		errs = append(errs, r.seal.Close())
	}
	errs = append(errs, r.out.Flush(), r.file.Sync(), r.file.Close())
	name, err = r.keep.place(r.file.Name(), r.id, expires)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return name, errors.Join(append(errs, err)...)
}
