package store_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/trunkline/trunkline/store"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		words string
		line  store.Entry
		in    bool
	}{
		{"order", store.Entry{Text: "Where is my ORDER?"}, true},
		{"my  order", store.Entry{Text: "the order is not my problem"}, true},
		{"order invoice", store.Entry{Text: "where is my order"}, false},
		{"order 4271", store.Entry{Text: "order", Arguments: `{"n":"4271"}`}, true},
		{"shipped", store.Entry{Result: `{"status":"Shipped"}`}, true},
		{"order_status", store.Entry{Tool: "order_status"}, true},
		{"heard", store.Entry{Text: "said", Heard: "heard"}, false},
		{"completed", store.Entry{Text: "said", Status: "completed"}, false},
		{"grusse", store.Entry{Text: "Viele GRÜSSE"}, true},
		{"GRÜSSE", store.Entry{Text: "viele grüße"}, true},
		{"Creme brulee", store.Entry{Text: "une crème brûlée"}, true},
		{"cafe", store.Entry{Text: "cafe\u0301"}, true},
		{"Łódź", store.Entry{Text: "lodz"}, true},
		{"世界", store.Entry{Text: "你好世界"}, true},
		{"ab", store.Entry{Text: "a", Tool: "b"}, false},
	} {
		w, err := store.NewWords(c.words)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time as well
			if got := w.In(c.line.Fields()); got != c.in {
				t.Errorf("%q in %+v: %v", c.words, c.line, got)
			}
		}
	}
	for _, bad := range []string{"", " \t ", "\u0301", strings.Repeat("a ", 17)} {
		if _, err := store.NewWords(bad); err == nil || !store.Permanent(err) {
			t.Errorf("words of %q: %v", bad, err)
		}
	}
}

// FuzzWords looks for each word of a text in the text.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Where is my order", "Grüße \xff", "İstanbul e\u0301", "a\x00b", "ǅ ẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		w, err := store.NewWords(text)
		if err != nil || !utf8.ValidString(text) {
			return
		}
		line := store.Entry{Text: text}
		if !w.In(line.Fields()) {
			t.Errorf("%q is not found in itself", text)
		}
	})
}

// endless is a reader whose list never ends, and which has no lines.
type endless struct {
	store.Reader
	lists int
}

func (e *endless) List(_ context.Context, q store.Query) (store.Page, error) {
	e.lists++
	page := store.Page{Calls: make([]store.Call, q.PageSize())}
	for i := range page.Calls {
		page.Calls[i] = store.Call{ID: "c1", Started: time.UnixMilli(int64(1e9 - e.lists*1000 - i))}
	}
	page.Next = store.At(&page.Calls[len(page.Calls)-1]).String()
	return page, nil
}

func (e *endless) Matching(_ context.Context, ids []string, _ *store.Words, _ int) ([][]store.Entry, error) {
	return make([][]store.Entry, len(ids)), nil
}

func TestASearchSaysHowFarItLooked(t *testing.T) {
	e := &endless{}
	found, err := store.Search(context.Background(), e, store.Query{}, "word", 0)
	if err != nil {
		t.Fatal(err)
	}
	last, ok, err := store.ParseCursor(found.Next)
	if err != nil || !ok || len(found.Hits) != 0 || last.MS != found.Back.UnixMilli() || e.lists == 0 {
		t.Errorf("after %d pages: %+v, %v", e.lists, found, err)
	}
	if read := e.lists * 100; read > store.MaxSearched {
		t.Errorf("it read %d calls", read)
	}
}
