package export

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

var cueLine = regexp.MustCompile(`^(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})$`)

// cues takes a file apart as the rules of WebVTT say, and fails at what breaks them.
func cues(t *testing.T, text string) (out []cue) {
	t.Helper()
	blocks := strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n")
	if blocks[0] != "WEBVTT" {
		t.Fatalf("begins with %q", blocks[0])
	}
	last := time.Duration(0)
	for _, b := range blocks[1:] {
		if strings.HasPrefix(b, "NOTE") && !strings.Contains(b, "-->") {
			continue
		}
		lines := strings.Split(b, "\n")
		m := cueLine.FindStringSubmatch(lines[min(1, len(lines)-1)])
		if len(lines) != 3 || m == nil || strings.Contains(lines[2], "-->") {
			t.Fatalf("no cue: %q", b)
		}
		c := cue{id: lines[0], text: lines[2], from: moment(m[1:5]), to: moment(m[5:9])}
		if c.from < last || c.to <= c.from {
			t.Errorf("cue %q from %v to %v after one at %v", c.id, c.from, c.to, last)
		}
		last = c.from
		out = append(out, c)
	}
	return out
}

func moment(part []string) time.Duration {
	var h, m, s, ms time.Duration
	fmt.Sscan(strings.Join(part, " "), &h, &m, &s, &ms)
	return h*time.Hour + m*time.Minute + s*time.Second + ms*time.Millisecond
}

func TestCuesRunWithTheRecording(t *testing.T) {
	s := sample()
	got := cues(t, written(t, s, "vtt", "c1"))
	if len(got) != 4 {
		t.Fatalf("%d cues", len(got))
	}
	if got[0].from != 0 || got[1].from != 6260*time.Millisecond {
		t.Errorf("cues from %v and %v: the recording begins with the answer", got[0].from, got[1].from)
	}
	if got[2].to-got[2].from != 1200*time.Millisecond || strings.Contains(got[2].text, "Thursday") {
		t.Errorf("the interrupted line is %+v", got[2])
	}
	for _, c := range got {
		if voices := strings.Count(c.text, "<"); voices != 2 || !strings.HasPrefix(c.text, "<v ") || !strings.HasSuffix(c.text, "</v>") {
			t.Errorf("a caller made marks: %q", c.text)
		}
	}
}

func TestCueEndsWhereTheNextBegins(t *testing.T) {
	s := long(0)
	for i, ms := range []int{0, 500, 500, 550, 300, 60000, 3700_000} {
		s.lines["long"] = append(s.lines["long"], store.Entry{ID: fmt.Sprintf("%d-0", i+1), Kind: store.KindTurn, Role: store.RoleCaller, Text: "yes",
			At: began.Add(time.Duration(ms) * time.Millisecond)})
	}
	got := cues(t, written(t, s, "vtt", "long"))
	if len(got) != 7 || got[0].to != 500*time.Millisecond || got[5].to != 61*time.Second || got[6].from != 3700*time.Second {
		t.Errorf("cues %+v", got)
	}
}

func FuzzCueText(f *testing.F) {
	f.Add(nasty)
	f.Add("a\u2028\u2029\x00--> </v><v Agent>")
	f.Fuzz(func(t *testing.T, text string) {
		s := long(1)
		s.lines["long"][0].Text = text
		if got := cues(t, written(t, s, "vtt", "long")); len(got) > 1 {
			t.Errorf("%q became %d cues", text, len(got))
		}
	})
}
