package simulator

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/trunkline/trunkline/transcode"
)

//go:embed clips
var clipFiles embed.FS

// Clip is a piece of recorded speech: 8 kHz, mono, with the words that are
// spoken in it.
type Clip struct {
	Name    string
	Text    string
	Samples []int16
}

// library holds the clips that are built in, in the order of the manifest.
type library struct{ agent, caller []Clip }

var builtIn = sync.OnceValue(loadClips)

// loadClips reads the manifest: kind, name and text, tab-separated. The files
// are part of the program, so a broken one is a mistake of the build.
func loadClips() library {
	manifest, err := clipFiles.ReadFile("clips/manifest.tsv")
	if err != nil {
		panic(fmt.Sprintf("simulator: read embedded clips: %v", err))
	}
	var l library
	for _, line := range strings.Split(strings.TrimSpace(string(manifest)), "\n")[1:] {
		f := strings.SplitN(line, "\t", 3)
		law, err := clipFiles.ReadFile("clips/" + f[0] + "/" + f[1] + ".ulaw")
		if err != nil {
			panic(fmt.Sprintf("simulator: read embedded clips: %v", err))
		}
		c := Clip{Name: f[1], Text: f[2], Samples: make([]int16, len(law))}
		transcode.PCMU.DecodeTo(c.Samples, law)
		if f[0] == "agent" {
			l.agent = append(l.agent, c)
		} else {
			l.caller = append(l.caller, c)
		}
	}
	return l
}

// CallerClip returns a built-in line of a caller: its samples (8 kHz, every one
// a µ-law code point, whole 20 ms frames) and its words. The name is one of
// CallerClips, or its short form without the voice ("c05" is "rms-c05"). The
// samples are shared: do not write to them.
func CallerClip(name string) (samples []int16, text string, ok bool) {
	c, ok := findClip(builtIn().caller, name)
	return c.Samples, c.Text, ok
}

// AgentClip returns a built-in line of the assistant, as CallerClip does.
func AgentClip(name string) (samples []int16, text string, ok bool) {
	c, ok := findClip(builtIn().agent, name)
	return c.Samples, c.Text, ok
}

// CallerClips lists the names that CallerClip knows: voice and line, "rms-c01"
// to "slt-c16".
func CallerClips() []string { return clipNames(builtIn().caller) }

// AgentClips lists the names that AgentClip knows, "a01" to "a10".
func AgentClips() []string { return clipNames(builtIn().agent) }

func clipNames(clips []Clip) []string {
	names := make([]string, len(clips))
	for i, c := range clips {
		names[i] = c.Name
	}
	return names
}

// defaultVoice is the voice of a caller's clip named without one.
const defaultVoice = "rms-"

// findClip finds a clip by name, by short name, or by its words.
func findClip(clips []Clip, name string) (Clip, bool) {
	for _, want := range []string{name, defaultVoice + name} {
		if i := slices.IndexFunc(clips, func(c Clip) bool { return c.Name == want }); i >= 0 {
			return clips[i], true
		}
	}
	words := normal(name)
	i := slices.IndexFunc(clips, func(c Clip) bool { return normal(c.Text) == words })
	if i < 0 {
		return Clip{}, false
	}
	return clips[i], true
}

// normal is a text for comparison: lower case, no punctuation, digits as
// figures, so that "four two seven one" and "4271" are the same number.
func normal(text string) string {
	var b strings.Builder
	afterDigit := false
	for _, w := range strings.FieldsFunc(strings.ToLower(text), notInWord) {
		d, isDigit := digitWords[w]
		if !isDigit {
			d, isDigit = w, strings.Trim(w, "0123456789") == ""
		}
		if b.Len() > 0 && !(afterDigit && isDigit) {
			b.WriteByte(' ')
		}
		b.WriteString(d)
		afterDigit = isDigit
	}
	return b.String()
}

func notInWord(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '\'' && r < 128
}

var digitWords = map[string]string{"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
	"six": "6", "seven": "7", "eight": "8", "nine": "9"}

// digits are the figures said in a text, put together: "4271".
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, normal(text))
}
