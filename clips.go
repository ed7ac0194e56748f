package trunkline

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/transcode"
)

// longestClip bounds a clip: it is in memory in both laws.
const longestClip = time.Minute

// clips are the sounds that were read already: agents mostly share theirs.
type clips map[configs.Clip]*agent.Clip

// fill reads the clips of an agent into its profile.
func (c clips) fill(p *agent.Profile, a *configs.Agent) error {
	var errs []error
	var notice configs.Clip
	var heard *agent.Clip
	if a.Recording != nil {
		notice = a.Recording.Notice
	}
	for _, want := range []struct {
		key  string
		file configs.Clip
		into **agent.Clip
	}{
		{"recording.notice", notice, &heard},
		{"filler.clip", a.Filler.Clip, &p.Filler.Clip},
		{"fallback.clip", a.Fallback.Clip, &p.Fallback.Clip},
		{"reconnect.clip", a.Reconnect.Clip, &p.Renewal.Clip},
	} {
		if want.file == "" {
			continue
		}
		clip, err := c.read(want.file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: read clip %s: %w", want.key, want.file, err))
			continue
		}
		*want.into = clip
	}
	if p.Recording != nil {
		p.Recording.Notice = heard
	}
	return errors.Join(errs...)
}

// read gives the clip of a file.
func (c clips) read(file configs.Clip) (*agent.Clip, error) {
	if known := c[file]; known != nil {
		return known, nil
	}
	samples, err := samplesOf(string(file))
	if err != nil {
		return nil, err
	}
	c[file] = agent.NewClip(samples)
	return c[file], nil
}

// samplesOf is the sound of a WAV file of any rate, as the telephone carries it.
func samplesOf(file string) ([]int16, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, errors.Unwrap(err) // the path is said already
	}
	defer f.Close()
	wav, err := transcode.ReadWAV(f)
	if err != nil {
		return nil, err
	}
	switch length := time.Duration(len(wav.Samples)) * time.Second / time.Duration(wav.Rate); {
	case len(wav.Samples) == 0:
		return nil, errors.New("it has no sound")
	case length > longestClip:
		return nil, fmt.Errorf("it is %s long, at most %s are played", length.Round(time.Second), longestClip)
	}
	return transcode.Resample(wav.Samples, wav.Rate, transcode.SampleRate), nil
}
