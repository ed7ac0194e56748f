package export

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
)

// vtt writes WebVTT (https://www.w3.org/TR/webvtt1/) that runs with the recording, which begins with the answer. Cues
// are what was said and heard: what an interruption cut off is not on the recording either.
//
// A transcript knows when a turn began and not when it ended, so a cue lasts as long as its words take, at most until
// the next one begins. One cue is held back for that.
type vtt struct {
	w    io.Writer
	zero time.Time // where the recording begins
	held cue       // text "": none
}

type cue struct {
	id, voice, text string
	from, to        time.Duration
}

// How long a cue stays.
const (
	perRune  = 65 * time.Millisecond // about 15 letters a second
	cueMin   = time.Second
	cueShort = 100 * time.Millisecond // the next cue does not cut one shorter than this; they overlap then
)

func newVTT(w io.Writer) Writer { return &vtt{w: w} }

func (v *vtt) Begin(c *store.Call) error {
	v.zero = c.Started
	if !c.Answered.IsZero() {
		v.zero = c.Answered
	}
	v.held = cue{}
	_, err := fmt.Fprintf(v.w, "WEBVTT\n\nNOTE\nCall %s of %s\n\n", cueText(c.ID), c.Started.UTC().Format(stamp))
	return err
}

func (v *vtt) Entry(e *store.Entry) error {
	next := v.cue(e)
	if next.text == "" {
		return nil
	}
	if v.held.text != "" {
		next.from = max(next.from, v.held.from) // cues stand in the order of their times
		next.to = max(next.to, next.from+cueShort)
		if next.from >= v.held.from+cueShort {
			v.held.to = min(v.held.to, next.from)
		}
	}
	err := v.flush()
	v.held = next
	return err
}

func (v *vtt) End() error { return v.flush() }

// cue is the line as a subtitle; its text is "" when it was not heard.
func (v *vtt) cue(e *store.Entry) cue {
	if e.Kind != store.KindTurn {
		return cue{}
	}
	said := e.Text
	if e.Role == store.RoleAgent && e.Status == statusInterrupted {
		said = e.Heard
	}
	lasts := max(cueMin, time.Duration(utf8.RuneCountInString(said))*perRune)
	if e.CutMS > 0 {
		lasts = max(cueShort, time.Duration(e.CutMS)*time.Millisecond)
	}
	from := max(0, e.At.Sub(v.zero))
	return cue{e.ID, voice(e.Role), cueText(said), from, from + lasts}
}

func (v *vtt) flush() error {
	c := v.held
	v.held = cue{}
	if c.text == "" {
		return nil
	}
	_, err := fmt.Fprintf(v.w, "%s\n%s --> %s\n<v %s>%s</v>\n\n", c.id, cueTime(c.from), cueTime(c.to), c.voice, c.text)
	return err
}

func voice(r store.Role) string {
	names := map[store.Role]string{store.RoleCaller: "Caller", store.RoleAgent: "Agent", store.RoleSupervisor: "Supervisor"}
	return cmp.Or(names[r], "System")
}

// cueTime is hours, minutes, seconds and milliseconds.
func cueTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

var cueEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// cueText is text that neither ends a cue, as an empty line does, nor is taken for a mark or an arrow.
func cueText(text string) string {
	return cueEscapes.Replace(strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " "))
}
