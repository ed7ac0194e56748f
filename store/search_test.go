package store_test

import (
	"strings"
	"testing"
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
