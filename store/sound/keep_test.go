package sound

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/transcode"
)

var (
	ctx     = context.Background()
	expires = time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)
)

// sealing is options with a pair of keys.
func sealing(t *testing.T, o Options) Options {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	o.Recipients, o.Identity = []string{id.Recipient().String()}, id.String()
	return o
}

func open(t *testing.T, o Options) *Keep {
	t.Helper()
	if o.Directory == "" {
		o.Directory = t.TempDir()
	}
	k, err := New(o)
	must(t, err)
	return k
}

// noise is a second of each direction.
func noise() (caller, agent []byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	caller, agent = make([]byte, 8000), make([]byte, 8000)
	for i := range caller {
		caller[i], agent[i] = byte(rng.Uint32()), byte(rng.Uint32())
	}
	return caller, agent
}

// record makes a recording of a second and does not finish it.
func record(t *testing.T, k *Keep, id string, law transcode.Law) *Recorder {
	t.Helper()
	r, err := k.Begin(id, law)
	must(t, err)
	r.play(t, 0, 8000)
	return r
}

// play gives both directions to a recording, the same second again and again.
func (r *Recorder) play(t *testing.T, from, to int) {
	t.Helper()
	caller, agent := noise()
	for at := from; at < to; at += 160 {
		i := at % 8000
		if !r.Frame(Caller, int64(at), caller[i:i+160], false) || !r.Frame(Agent, int64(at), agent[i:i+160], false) {
			t.Fatal(r.err)
		}
	}
}

// wantSound compares a recording with what was said, sample by sample.
func wantSound(t *testing.T, k *Keep, name string, law transcode.Law, atLeast, atMost int) {
	t.Helper()
	r, err := k.Open(ctx, name)
	must(t, err)
	defer r.Close()
	served, err := io.ReadAll(r)
	must(t, err)
	data := served[servedHead:]
	if n := len(data) / 4; n < atLeast || n > atMost || binary.LittleEndian.Uint32(served[40:]) != uint32(len(data)) ||
		binary.LittleEndian.Uint32(served[4:]) != uint32(len(served)-8) {
		t.Fatalf("%d samples, want %d at least; head % x", n, atLeast, served[:servedHead])
	}
	caller, agent := noise()
	for i := range len(data) / 4 {
		left, right := int16(binary.LittleEndian.Uint16(data[4*i:])), int16(binary.LittleEndian.Uint16(data[4*i+2:]))
		if left != law.Decode(caller[i%8000]) || right != law.Decode(agent[i%8000]) {
			t.Fatalf("sample %d is %d and %d", i, left, right)
		}
	}
	if _, err := transcode.ReadWAV(bytes.NewReader(served)); err != nil {
		t.Error(err)
	}
}

func TestRecordingIsWhatWasSaid(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		for name, o := range map[string]Options{"plain": {}, "sealed": sealing(t, Options{})} {
			t.Run(name+law.String(), func(t *testing.T) {
				k := open(t, o)
				name, err := record(t, k, "call/1", law).Finish(expires)
				must(t, err)
				if !strings.HasPrefix(name, "20261225/") {
					t.Errorf("name %q: the day is not the one after which nothing is left", name)
				}
				wantSound(t, k, name, law, 8000, 8000)
				must(t, k.Delete(ctx, name))
				must(t, k.Delete(ctx, name))
				if _, err := k.Open(ctx, name); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("after Delete: %v", err)
				}
			})
		}
	}
}

// A recording reads the same from anywhere and in pieces of any size.
func TestRecordingCanBeReadFromAnywhere(t *testing.T) {
	k := open(t, sealing(t, Options{}))
	name, err := record(t, k, "a", transcode.PCMA).Finish(time.Time{})
	must(t, err)
	r, err := k.Open(ctx, name)
	must(t, err)
	defer r.Close()
	whole, err := io.ReadAll(r)
	must(t, err)
	must(t, iotest.TestReader(r.ReadSeekCloser.(*view).again(), whole))
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		from, n := rng.IntN(len(whole)), 1+rng.IntN(9000)
		if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		piece, err := io.ReadAll(io.LimitReader(r, int64(n)))
		if must(t, err); !bytes.Equal(piece, whole[from:min(from+n, len(whole))]) {
			t.Fatalf("%d bytes from %d differ", n, from)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("seeks before the beginning")
	}
}

// again is the same view, to be read from its beginning.
func (v *view) again() *view {
	v.at = 0
	return v
}

// The sound on the disk is of no use without the key.
func TestSealedRecordingsNeedTheKey(t *testing.T) {
	o := sealing(t, Options{Directory: t.TempDir()})
	k := open(t, o)
	name, err := record(t, k, "a", transcode.PCMU).Finish(expires)
	must(t, err)
	stored, err := os.ReadFile(filepath.Join(o.Directory, name))
	must(t, err)
	if caller, _ := noise(); bytes.Contains(stored, []byte("WAVE")) || bytes.Contains(stored, caller[:8]) {
		t.Error("the file is not encrypted")
	}
	other := sealing(t, Options{Directory: o.Directory})
	for what, o := range map[string]Options{"no key": {Directory: o.Directory, Recipients: o.Recipients}, "another key": other} {
		if _, err := open(t, o).Open(ctx, name); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, o := range map[string]Options{"recipient": {Recipients: []string{"age1nonsense"}}, "identity": {Identity: "AGE-SECRET-KEY-1HUNTER2"}} {
		o.Directory = t.TempDir()
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "HUNTER2") {
			t.Errorf("faulty %s: %v", what, err)
		}
	}
}

// What a process that was killed leaves behind is a recording up to there.
func TestRecoveryAfterACrash(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "sealed": sealing(t, Options{})} {
		t.Run(name, func(t *testing.T) {
			o.Directory = t.TempDir()
			r := record(t, open(t, o), "a/b", transcode.PCMU)
			r.play(t, 8000, 20*8000)
			must(t, r.file.Close()) // as the system does with what is killed
			k := open(t, o)
			left, err := k.Left()
			if must(t, err); len(left) != 1 || left[0] != "a/b" {
				t.Fatalf("left %q", left)
			}
			name, err := k.Recover("a/b", expires)
			must(t, err)
			wantSound(t, k, name, transcode.PCMU, 11*8000, 17*8000) // three seconds wait for both sides, six for age's pieces
			if left, _ := k.Left(); len(left) != 0 {
				t.Errorf("still left: %q", left)
			}
		})
	}
}

// Of a call that had hardly begun there is nothing to be heard, and nothing stays.
func TestRecoveryOfNothing(t *testing.T) {
	o := sealing(t, Options{Directory: t.TempDir()})
	r := record(t, open(t, o), "a", transcode.PCMU)
	must(t, r.out.Flush())
	must(t, r.file.Close())
	k := open(t, o)
	if name, err := k.Recover("a", expires); name != "" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if files, _ := os.ReadDir(filepath.Join(o.Directory, partDir)); len(files) != 0 {
		t.Errorf("%v are left", files)
	}
}

func TestRecoveryWithoutTheKeyKeepsTheFile(t *testing.T) {
	o := sealing(t, Options{Directory: t.TempDir()})
	record(t, open(t, o), "a", transcode.PCMU).file.Close()
	o.Identity = ""
	k := open(t, o)
	if _, err := k.Recover("a", expires); !errors.Is(err, ErrSealed) {
		t.Errorf("%v", err)
	}
	if left, _ := k.Left(); len(left) != 1 {
		t.Error("the file is gone")
	}
	must(t, k.Discard("a"))
	if left, _ := k.Left(); len(left) != 0 {
		t.Error("the file is there after Discard")
	}
}

// Sweep removes what is over and nothing else.
func TestSweepRemovesDays(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Directory: dir})
	names := map[string]string{}
	for id, when := range map[string]time.Time{"over": expires, "later": expires.Add(24 * time.Hour), "kept": {}} {
		name, err := record(t, k, id, transcode.PCMU).Finish(when)
		must(t, err)
		names[id] = name
	}
	running := record(t, k, "running", transcode.PCMU)
	must(t, os.Mkdir(filepath.Join(dir, "20200101x"), 0o700)) // somebody else's
	must(t, k.Sweep(ctx, expires))
	wantSound(t, k, names["over"], transcode.PCMU, 8000, 8000) // its day has not come
	must(t, k.Sweep(ctx, expires.Add(6*time.Hour)))
	if _, err := k.Open(ctx, names["over"]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is over is still there: %v", err)
	}
	wantSound(t, k, names["later"], transcode.PCMU, 8000, 8000)
	wantSound(t, k, names["kept"], transcode.PCMU, 8000, 8000)
	if _, err := os.Stat(filepath.Join(dir, "20200101x")); err != nil {
		t.Error(err)
	}
	_, err := running.Finish(expires)
	must(t, err)
}

// A disk that is full costs the rest of the recording, and Finish says so.
func TestFullDiskEndsTheRecording(t *testing.T) {
	k := open(t, Options{})
	r := record(t, k, "a", transcode.PCMU)
	must(t, r.file.Close()) // every write fails from here on
	frame := bytes.Repeat([]byte{1}, 160)
	for at := int64(8000); at < 20*8000; at += 160 {
		if !r.Frame(Caller, at, frame, false) {
			if name, err := r.Finish(expires); err == nil || name == "" {
				t.Errorf("Finish: %q, %v", name, err)
			}
			return
		}
	}
	t.Error("no fault was noticed")
}

// A call is recorded once, and names that nobody made lead nowhere.
func TestNamesAreOurs(t *testing.T) {
	k := open(t, Options{})
	record(t, k, "a", transcode.PCMU)
	if _, err := k.Begin("a", transcode.PCMU); !errors.Is(err, os.ErrExist) {
		t.Errorf("second recording of a call: %v", err)
	}
	if _, err := k.Begin("{a}", transcode.PCMU); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("call id that is none: %v", err)
	}
	for _, name := range []string{"", "a.wav", "../a.wav", "kept/../../a.wav", "kept/..\\a.wav", "part/a.wav", "20261301/a.wav", "kept/a.txt", "/kept/a.wav"} {
		if _, err := k.Open(ctx, name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	must(t, os.MkdirAll(filepath.Join(k.dir, keptDir), 0o700))
	must(t, os.WriteFile(filepath.Join(k.dir, keptDir, "x.wav"), []byte("RIFF of another kind, which is long enough to have a head as ours has it"), 0o600))
	if _, err := k.Open(ctx, "kept/x.wav"); !errors.Is(err, errNotOurs) {
		t.Errorf("a file of somebody else: %v", err)
	}
}

func BenchmarkFrame(b *testing.B) {
	k, err := New(Options{Directory: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	r, err := k.Begin("a", transcode.PCMU)
	if err != nil {
		b.Fatal(err)
	}
	frame := bytes.Repeat([]byte{1}, 160)
	b.ReportAllocs()
	at := int64(0)
	for b.Loop() {
		r.Frame(Caller, at, frame, false)
		r.Frame(Agent, at, frame, false)
		at += 160
	}
}
