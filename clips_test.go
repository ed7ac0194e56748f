package trunkline

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/transcode"
)

// wavFile writes a tone of so many samples.
func wavFile(t *testing.T, rate, samples int) configs.Clip {
	t.Helper()
	tone := make([]int16, samples)
	for i := range tone {
		tone[i] = int16(8000 * (i / 20 % 2))
	}
	var b bytes.Buffer
	must(t, transcode.WriteWAV(&b, tone, rate))
	path := filepath.Join(t.TempDir(), "clip.wav")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return configs.Clip(path)
}

// A file of any rate becomes what a telephone plays, and is read once however many agents have it.
func TestClips(t *testing.T) {
	file := wavFile(t, 16000, 16000)
	sounds := clips{}
	var p agent.Profile
	must(t, sounds.fill(&p, &configs.Agent{Filler: configs.Filler{Clip: file}, Fallback: configs.Fallback{Clip: file}}))
	if p.Filler.Clip == nil || p.Filler.Clip != p.Fallback.Clip || p.Renewal.Clip != nil || len(sounds) != 1 {
		t.Errorf("profile has %p, %p and %p", p.Filler.Clip, p.Fallback.Clip, p.Renewal.Clip)
	}
	clip := sounds[file]
	samples, err := samplesOf(string(file))
	if must(t, err); len(samples) != transcode.SampleRate {
		t.Errorf("a second became %d samples", len(samples))
	}
	must(t, sounds.fill(&p, &configs.Agent{Reconnect: configs.Reconnect{Clip: file}}))
	if p.Renewal.Clip != clip {
		t.Error("the file was read again")
	}
	if _, err := (clips{}).read(wavFile(t, 8000, 60*8000)); err != nil {
		t.Errorf("a minute: %v", err)
	}
}

// What is wrong with a clip is said with its key and its file, all of them at once.
func TestClipFaults(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.wav")
	must(t, os.WriteFile(text, []byte("hello"), 0o600))
	missing := filepath.Join(t.TempDir(), "missing.wav")
	err := (clips{}).fill(&agent.Profile{}, &configs.Agent{
		Filler:    configs.Filler{Clip: configs.Clip(text)},
		Fallback:  configs.Fallback{Clip: configs.Clip(missing)},
		Reconnect: configs.Reconnect{Clip: wavFile(t, 8000, 61*8000)},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"filler.clip: read clip " + text, "fallback.clip: read clip " + missing + ": no such file", "reconnect.clip: ",
		"it is 1m1s long, at most 1m0s are played"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("misses %q: %v", want, err)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, transcode.ErrNotWAV) {
		t.Errorf("causes are lost: %v", err)
	}
	if _, err := (clips{}).read(wavFile(t, 8000, 0)); err == nil || err.Error() != "it has no sound" {
		t.Errorf("an empty file: %v", err)
	}
}

// An agent whose clip cannot be read keeps the service from starting, and is named.
func TestDeskWithoutItsClip(t *testing.T) {
	cfg, r := fullConfig(t)
	cfg.Agents[0].Filler.Clip = "nowhere.wav"
	if _, err := desks(cfg, r, testLog(t)); err == nil || !strings.Contains(err.Error(), `agent "full": filler.clip: read clip nowhere.wav`) {
		t.Errorf("got %v", err)
	}
}
