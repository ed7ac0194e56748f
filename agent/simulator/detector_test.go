package simulator

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/transcode"
)

// track is a line with turns at known places.
type track struct {
	samples []int16
	speech  [][2]int // ms, from the first to the last loud 20 ms of each clip
}

func (tr *track) silence(ms int) { tr.samples = append(tr.samples, make([]int16, ms*8)...) }

func (tr *track) clip(s []int16, g float64) {
	at := len(tr.samples) / 8
	env := envelope(s)
	first, last := -1, 0
	for i, l := range env {
		if l > -45 {
			if last = i + 1; first < 0 {
				first = i
			}
		}
	}
	tr.speech = append(tr.speech, [2]int{at + 20*first, at + 20*last})
	tr.samples = append(tr.samples, gain(s, g)...)
}

// noise of a quiet line, about -62 dBov.
func (tr *track) noise() { tr.samples = noisy(tr.samples, 26) }

// detected runs the detector alone.
func detected(samples []int16, threshold float64, silenceMS int) (turns [][2]int) {
	d := &detector{}
	for ; len(samples) >= windowSamples; samples = samples[windowSamples:] {
		switch d.window(samples[:windowSamples], threshold, silenceMS) {
		case started:
			turns = append(turns, [2]int{d.onsetMS, 0})
		case stopped:
			turns[len(turns)-1][1] = d.endMS()
		}
	}
	return turns
}

func callerTrack(t *testing.T) *track {
	tr := &track{}
	tr.silence(1000)
	for i, name := range []string{"rms-c01", "slt-c05", "rms-c09", "slt-c16", "rms-c15", "slt-c11", "rms-c04", "slt-c02"} {
		tr.clip(caller(t, name), []float64{1, 0.7, 1.5, 0.5}[i%4])
		tr.silence(900 + 137*i) // no multiple of the grid
	}
	tr.noise()
	return tr
}

// TestTurnsOfTheCallers: as many turns as clips, each from its onset to its end
// and the silence, on the 32 ms grid.
func TestTurnsOfTheCallers(t *testing.T) {
	tr := callerTrack(t)
	for _, silence := range []int{500, 700} {
		checkTurns(t, tr, detected(tr.samples, 0.5, silence), silence)
	}
}

func checkTurns(t *testing.T, tr *track, turns [][2]int, silence int) {
	t.Helper()
	if len(turns) != len(tr.speech) {
		t.Fatalf("%d turns, want %d: %v", len(turns), len(tr.speech), turns)
	}
	waited := (silence + windowMS - 1) / windowMS * windowMS
	for i, turn := range turns {
		want := tr.speech[i]
		if turn[0]%windowMS != 0 || turn[1]%windowMS != 0 {
			t.Errorf("turn %d: %v is off the grid", i, turn)
		}
		if turn[0] < want[0]-64 || turn[0] > want[0]+96 {
			t.Errorf("turn %d starts at %d, speech at %d", i, turn[0], want[0])
		}
		if end := turn[1] - waited; end < want[1]-128 || end > want[1]+64 {
			t.Errorf("turn %d ends at %d, speech at %d", i, end, want[1])
		}
	}
}

// TestTurnsAreExact holds the figures of one track: the detector is arithmetic,
// so a change of one window is a change of the detector.
func TestTurnsAreExact(t *testing.T) {
	got := detected(callerTrack(t).samples, 0.5, 500)
	want := [][2]int{{1216, 3712}, {4576, 7168}, {8096, 9440}, {10560, 12448}, {13664, 16096}, {17504, 18976}, {20480, 23200}, {24896, 26880}}
	if !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

func TestThresholdAndSilence(t *testing.T) {
	quiet := &track{}
	quiet.silence(2000)
	quiet.clip(caller(t, "c01"), 0.02) // about -55 dBov
	quiet.silence(1500)
	if n := len(detected(quiet.samples, 0.5, 500)); n != 0 {
		t.Errorf("threshold 0.5 heard %d turns in a whisper", n)
	}
	if n := len(detected(quiet.samples, 0.1, 500)); n != 1 {
		t.Errorf("threshold 0.1 heard %d turns in a whisper", n)
	}
	two := &track{}
	two.silence(1000)
	two.clip(caller(t, "c09"), 1)
	two.silence(300)
	two.clip(caller(t, "c10"), 1)
	two.silence(3000)
	if n := len(detected(two.samples, 0.5, 200)); n != 2 {
		t.Errorf("200 ms of silence: %d turns", n)
	}
	if n := len(detected(two.samples, 0.5, 1000)); n != 1 {
		t.Errorf("1000 ms of silence: %d turns", n)
	}
}

func TestNoSpeech(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hum := make([]int16, 10*8000)
	for i := range hum {
		hum[i] = clip16(1500*math.Sin(2*math.Pi*50*float64(i)/8000) + 10*r.NormFloat64())
	}
	click := make([]int16, 10*8000)
	for i := range 40 { // 5 ms
		click[40000+i] = 20000
	}
	for name, samples := range map[string][]int16{
		"silence": make([]int16, 10*8000),
		"line":    noisy(make([]int16, 10*8000), 26),
		"hum":     hum,
		"click":   click,
	} {
		if got := detected(samples, 0.5, 500); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The recordings of people come from two Debian packages.
const (
	promptDir = "/usr/share/asterisk/sounds/en_US_f_Allison"
	promptPkg = "asterisk-core-sounds-en-wav"
	speechDir = "/usr/share/pocketsphinx/test/data"
	speechPkg = "pocketsphinx-testdata"
)

func recorded(t *testing.T, dir, name, pkg string) []int16 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("a recording of people is missing; install it with: apt-get install %s (%v)", pkg, err)
	}
	if strings.HasSuffix(name, ".raw") { // 16 kHz, 16 bit, no header
		s := make([]int16, len(data)/2)
		for i := range s {
			s[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
		}
		return codePoints(transcode.Resample(s, 16000, 8000))
	}
	w, err := transcode.ReadWAV(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return codePoints(transcode.Resample(w.Samples, w.Rate, 8000))
}

// codePoints rounds to µ-law, as a phone does.
func codePoints(s []int16) []int16 { return linear(transcode.PCMU, law(transcode.PCMU, s)) }

func people(t *testing.T) []Clip {
	t.Helper()
	var clips []Clip
	for name, text := range map[string]string{
		"hello": "hello", "vm-goodbye": "goodbye", "one-moment-please": "one moment please", "please-try-again": "please try again",
		"auth-thankyou": "thank you", "transfer": "please hold while i try that extension", "tt-weasels": "weasels have eaten our phone system",
		"privacy-incorrect": "i'm sorry that number is not valid", "vm-msgsaved": "your message has been saved",
	} {
		clips = append(clips, Clip{Name: name, Text: text, Samples: recorded(t, promptDir, name+".wav", promptPkg)})
	}
	for name, text := range map[string]string{
		"goforward.raw": "go forward ten meters", "something.raw": "go somewhere and do something",
		"cards/001.wav": "ten of clubs", "librivox/sense_and_sensibility_01_austen_64kb-0880.wav": "he was not an ill disposed young man",
	} {
		clips = append(clips, Clip{Name: name, Text: text, Samples: recorded(t, speechDir, name, speechPkg)})
	}
	return clips
}

// TestPeopleAreHeard: real voices are turns, and with the clips at hand they
// are recognised, among 32 synthetic ones.
func TestPeopleAreHeard(t *testing.T) {
	clips := people(t)
	r := newRecogniser(clips)
	for _, c := range clips {
		tr := &track{}
		tr.silence(1500)
		tr.clip(c.Samples, 1)
		tr.silence(1500)
		turns := detected(tr.samples, 0.5, 700)
		if len(turns) != 1 || turns[0][1] == 0 {
			t.Errorf("%s: turns %v, speech %v", c.Name, turns, tr.speech)
			continue
		}
		turn := tr.samples[max(0, turns[0][0]-300)*8 : turns[0][1]*8]
		if got := r.recognise(linear(transcode.PCMA, law(transcode.PCMA, turn))); got.text != c.Text {
			t.Errorf("%s heard as %q", c.Name, got.text)
		}
		if got := newRecogniser(nil).recognise(turn); got.text != "" {
			t.Errorf("%s heard as %q without its clip", c.Name, got.text)
		}
	}
}

// BenchmarkAppend20ms is the whole way of one packet: event, decoding, window.
func BenchmarkAppend20ms(b *testing.B) {
	s := offline(b, Options{})
	s.set.in = pcmu
	frame := []byte(appendOf(pcmu.speak(noisy(make([]int16, 160), 26))))
	b.ReportAllocs()
	for b.Loop() {
		s.receive(message{data: frame})
	}
}

func BenchmarkDetectorWindow(b *testing.B) {
	d := &detector{}
	s, _, _ := CallerClip("c01")
	b.ReportAllocs()
	for b.Loop() {
		d.window(s[8000:8000+windowSamples], 0.5, 500)
	}
}
