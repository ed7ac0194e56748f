package supervisor

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// maxNote is the longest note, in bytes.
const maxNote = 8 << 10

type noteBody struct {
	Text string `json:"text"`
}

// text is what was written, without blanks around it.
func (n *noteBody) text() (string, error) {
	text := strings.TrimSpace(strings.ToValidUTF8(n.Text, "\uFFFD"))
	if text == "" || len(text) > maxNote {
		return "", bad("text", "it is empty or too long", "write 1 to 8192 bytes")
	}
	return text, nil
}

// remark is the call that a request is about, and the text that it brings.
func (a *api) remark(w http.ResponseWriter, r *http.Request) (c *store.Call, text string, err error) {
	var in noteBody
	if err = body(w, r, &in); err != nil {
		return nil, "", err
	}
	if text, err = in.text(); err != nil {
		return nil, "", err
	}
	c, err = a.see(r)
	return c, text, err
}

// addNote puts a remark into a transcript, also of a call that is over. The caller and the agent do not know of it.
func (a *api) addNote(w http.ResponseWriter, r *http.Request) error {
	c, text, err := a.remark(w, r)
	if err != nil {
		return err
	}
	if err := a.record(r, "note", c, ""); err != nil {
		return err
	}
	e := store.Entry{Kind: store.KindNote, At: time.UnixMilli(time.Now().UnixMilli()).UTC(), Role: store.RoleSupervisor,
		Author: userOf(r.Context()).Name, Text: text}
	if err := a.note(r.Context(), c, &e); err != nil {
		return err
	}
	return answerJSON(w, http.StatusCreated, export.EntryOf(&e))
}

// noteSeq begins the sequence numbers of notes: the call's own writer counts from 0 and never comes that far within a
// millisecond, so that no note takes the id of one of its lines.
const noteSeq = 1 << 40

// note appends e behind the last line that is there. An id of the clock's would be ahead of lines that the call's writer
// still holds, and who follows the call would not see these.
func (a *api) note(ctx context.Context, c *store.Call, e *store.Entry) (err error) {
	for range 5 { // somebody else may write a note at the same moment
		var last store.ID
		if last, err = a.last(ctx, c, e.At); err != nil {
			return err
		}
		e.ID = store.ID{MS: last.MS, Seq: max(last.Seq, noteSeq) + 1 + rand.Uint64N(1<<20)}.String()
		if err = a.Archive.Append(ctx, c.ID, *e); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}

// last is the place of the last line of a call, or its start. A call is seldom silent for ten minutes.
func (a *api) last(ctx context.Context, c *store.Call, now time.Time) (store.ID, error) {
	lately := store.ID{MS: uint64(max(1, now.Add(-10*time.Minute).UnixMilli()))}
	for _, after := range []string{lately.String(), ""} {
		entries, err := a.Archive.Entries(ctx, c.ID, after, 0)
		if err != nil {
			return store.ID{}, err
		}
		if n := len(entries); n > 0 {
			return store.ParseID(entries[n-1].ID)
		}
	}
	return store.ID{MS: uint64(c.Started.UnixMilli())}, nil
}

type tagsBody struct {
	Add    []string `json:"add"`
	Remove []string `json:"remove"`
}

// changeTags sorts a call. It answers with the record as it is then.
func (a *api) changeTags(w http.ResponseWriter, r *http.Request) error {
	var in tagsBody
	if err := body(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	if err := a.record(r, "tag", c, ""); err != nil {
		return err
	}
	if err := a.Archive.Label(r.Context(), c.ID, in.Add, in.Remove); err != nil {
		return err
	}
	if c, err = a.see(r); err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, export.CallOf(c))
}

func (t *tagsBody) check() error {
	if len(t.Add)+len(t.Remove) == 0 {
		return bad("add", "no tag is named", "name tags in add or remove")
	}
	for place, tags := range map[string][]string{"add": t.Add, "remove": t.Remove} {
		if slices.ContainsFunc(tags, func(tag string) bool { return !store.ValidTag(tag) }) || len(tags) > store.MaxTags {
			return bad(place, "not all of it are tags", "tags are letters a to z, digits, _ and -, at most 64 of them, and at most 32 tags")
		}
	}
	return nil
}
