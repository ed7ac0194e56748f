package trunkline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/sound"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

// recorded is small with an agent whose calls are recorded.
const recorded = `agents: [ { name: frontdesk, realtime: main, greeting: "Hello, AI here.", tools: [lookup, hang_up], recording: { told: true } } ]
`

// channels are the two sides of a recording, in the law of the call.
func channels(t *testing.T, st *stand, c store.Call, law transcode.Law) (caller, agent []byte) {
	t.Helper()
	r, err := st.kept.sound.Open(t.Context(), c.Recording)
	must(t, err)
	defer r.Close()
	wav, err := io.ReadAll(r)
	must(t, err)
	for data := wav[44:]; len(data) >= 4; data = data[4:] {
		caller = append(caller, law.Encode(int16(binary.LittleEndian.Uint16(data))))
		agent = append(agent, law.Encode(int16(binary.LittleEndian.Uint16(data[2:]))))
	}
	return caller, agent
}

// Both sides are in the recording bit by bit, the caller left and the agent right.
func TestCallIsRecorded(t *testing.T) {
	clip := note(400, 600)
	st := stage(t, setup{yaml: recorded, script: waiting()})
	r, err := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Say{Clip: clip}, phone.Hangup{})
	must(t, err)
	c, lines := st.record(t, 0)
	if e := find(t, lines, store.KindRecording); e.Status != "begun" {
		t.Errorf("%+v", e)
	}
	caller, agent := channels(t, st, c, r.Law)
	if !bytes.Contains(caller, inLaw(clip, r.Law)) {
		t.Error("the caller's words are not in the left channel")
	}
	if heard := bytes.Trim(r.ReceivedAudio, string(r.Law.Silence())); len(heard) < 4000 || !bytes.Contains(agent, heard[1000:4000]) {
		t.Error("what the agent said is not in the right channel")
	}
	if bytes.Contains(agent, inLaw(clip, r.Law)) {
		t.Error("the caller is in the agent's channel")
	}
}

// slowDisk is a place for recordings that begins none before it is opened.
type slowDisk struct {
	*sound.Keep
	opened chan struct{}
}

func (d slowDisk) Begin(callID string, law transcode.Law) (*sound.Recorder, error) {
	<-d.opened
	return d.Keep.Begin(callID, law)
}

// A disk that stands still does not hold the call up, and what is said while the recording pauses is in no recording,
// although the pause is over when it comes to be written.
func TestPausesHoldForWhatIsWrittenLate(t *testing.T) {
	clip := note(400, 600)
	st := stage(t, setup{script: waiting()})
	pausing := make(chan struct{})
	called := make(chan phone.Report, 1)
	go func() {
		r, _ := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.WaitQuiet{}, phone.Until{Done: pausing},
			phone.Say{Clip: clip}, phone.Hangup{})
		called <- r
	}()
	id := st.held(t)
	st.live.mu.Lock()
	call := st.live.calls[id].call
	st.live.mu.Unlock()
	opened := make(chan struct{})
	var recorders [2]*recorder
	var dirs [2]string
	for i := range recorders {
		dirs[i] = t.TempDir()
		keep, err := sound.New(sound.Options{Directory: dirs[i]})
		must(t, err)
		recorders[i] = &recorder{keep: slowDisk{keep, opened}, call: call, log: testLog(t)}
	}
	hears, pauses := recorders[0], recorders[1]
	hears.Record(true) // it would never come back
	pauses.Record(true)
	pauses.Record(false)
	close(pausing)
	r := <-called
	pauses.Record(true)
	close(opened)
	for i, want := range []bool{true, false} {
		name := recorders[i].finish(time.Time{})
		file, err := os.ReadFile(filepath.Join(dirs[i], name))
		must(t, err)
		caller := make([]byte, 0, len(file))
		for at := 58; at < len(file); at += 2 { // behind its head
			caller = append(caller, file[at])
		}
		if words := inLaw(clip, r.Law); bytes.Contains(caller, words[1000:2000]) != want || len(caller) < len(words) {
			t.Errorf("the words are in recording %d: %v, of %d samples", i, !want, len(caller))
		}
	}
}

func TestCallThatIsNotToBeRecorded(t *testing.T) {
	st := stage(t, setup{})
	_, err := st.call(t, t.Context(), "+15551230001", phone.WaitBye{})
	must(t, err)
	if c, _ := st.record(t, 0); c.Recording != "" {
		t.Errorf("recording %q", c.Recording)
	}
	if _, err := os.Stat(st.cfg.Recordings.Directory); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
}

// What a process that died left of a call is completed when the call counts as lost, and removed when it was deleted.
func TestRecordingsOfADeadProcess(t *testing.T) {
	cfg, a := embedded(t)
	cfg.Recordings.Directory = filepath.Join(t.TempDir(), "sound")
	var err error
	a.sound, err = openSound(&cfg.Recordings, testLog(t))
	must(t, err)
	frame := bytes.Repeat([]byte{0x11}, 160)
	for _, id := range []string{"lost", "deleted", "running"} {
		r, err := a.sound.Begin(id, transcode.PCMU)
		must(t, err)
		for at := int64(0); at < 10*8000; at += 160 {
			r.Frame(sound.Caller, at, frame, false)
		}
	}
	began := time.Now()
	for _, id := range []string{"lost", "running"} {
		must(t, a.store.Begin(t.Context(), store.Call{ID: id, Agent: "frontdesk", Started: began}))
	}
	must(t, a.store.Finish(t.Context(), store.Call{ID: "lost", Cause: store.CauseLost, EndedBy: "system", Ended: began.Add(time.Second)}))
	settled := map[string]bool{}
	for _, l := range a.leftovers(t.Context()) {
		settled[l.call] = a.recover(context.Background(), l, func(string, time.Time) time.Time { return time.Time{} })
	}
	if !settled["lost"] || !settled["deleted"] || settled["running"] {
		t.Errorf("settled: %v", settled)
	}
	c, err := a.store.Call(t.Context(), "lost")
	must(t, err)
	if c.Recording == "" || c.Cause != store.CauseLost || !c.Ended.Equal(began.Add(time.Second).Truncate(time.Millisecond)) {
		t.Errorf("%+v", c)
	}
	r, err := a.sound.Open(t.Context(), c.Recording)
	must(t, err)
	must(t, r.Close())
	if left, _ := a.sound.Left(); len(left) != 1 || left[0] != "running" {
		t.Errorf("left %q", left)
	}
	if _, err := a.sound.Open(t.Context(), "kept/deleted.wav"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	must(t, a.close(t.Context()))
}

// A recording that is encrypted for another key stays as long as its call, and no longer.
func TestSealedRecordingsOfADeadProcess(t *testing.T) {
	cfg, a := embedded(t)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	cfg.Recordings = configs.Recordings{Directory: t.TempDir(), Recipients: []string{id.Recipient().String()}}
	a.sound, err = openSound(&cfg.Recordings, testLog(t))
	must(t, err)
	_, err = a.sound.Begin("lost", transcode.PCMU)
	must(t, err)
	must(t, a.store.Begin(t.Context(), store.Call{ID: "lost", Agent: "frontdesk", Started: time.Now()}))
	must(t, a.store.Finish(t.Context(), store.Call{ID: "lost", Cause: store.CauseLost, EndedBy: "system", Ended: time.Now()}))
	left := a.leftovers(t.Context())
	settled := func() bool {
		return a.recover(t.Context(), left[0], func(string, time.Time) time.Time { return time.Time{} })
	}
	if settled() || !left[0].told || settled() {
		t.Error("nobody looks after it any more")
	}
	must(t, a.store.Delete(t.Context(), "lost"))
	if !settled() || len(a.leftovers(t.Context())) != 0 {
		t.Error("it outlives its call")
	}
	must(t, a.close(t.Context()))
}

// What was recorded of a call until it was deleted is not kept when the call goes on.
func TestDeletedCallsAreNotRecorded(t *testing.T) {
	st := stage(t, setup{yaml: recorded, script: waiting()})
	over := make(chan struct{})
	called := make(chan error, 1)
	go func() {
		_, err := st.call(t, t.Context(), "+15551230001", phone.WaitSpeech{}, phone.Until{Done: over}, phone.Hangup{})
		called <- err
	}()
	id := st.held(t)
	dir := st.cfg.Recordings.Directory
	files := func() (all []string) {
		all, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		must(t, err)
		return all
	}
	until(t, "the call is recorded", func() bool { return len(files()) == 1 })
	until(t, "the call can be read", func() bool { _, err := st.kept.store.Call(t.Context(), id); return err == nil })
	must(t, supervised{st.kept.store, st.kept.sound}.Delete(t.Context(), id))
	if all := files(); len(all) != 0 {
		t.Errorf("after the deletion there is %q", all)
	}
	close(over)
	must(t, <-called)
	st.stop()
	must(t, st.ended(t)) // the recording is finished, whatever comes of it
	if all := files(); len(all) != 0 {
		t.Errorf("when the call is over there is %q", all)
	}
}
