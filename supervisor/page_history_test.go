package supervisor

import (
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

func TestHistoryFiltersAreAQuery(t *testing.T) {
	v, err := url.ParseQuery("from=2026-03-28&to=2026-03-29&tz=Europe%2FBerlin&agent=a&caller=%2B491&dialled=2&tag=x&ended_by=agent&cause=busy&min=1.5&max=90&live=1")
	if err != nil {
		t.Fatal(err)
	}
	f := pageFiltersOf(v)
	q, faults := f.query()
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	// The clocks of Berlin go forward on the 29th: the two days have 47 hours.
	if q.From.UTC() != time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC) || q.To.Sub(q.From) != 47*time.Hour {
		t.Errorf("from %v to %v", q.From.UTC(), q.To.UTC())
	}
	q.From, q.To = time.Time{}, time.Time{}
	want := store.Query{Agent: "a", Caller: "+491", Dialled: "2", Tag: "x", EndedBy: "agent", Cause: "busy", Live: true,
		MinDuration: 1500 * time.Millisecond, MaxDuration: 90 * time.Second}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("asks %+v", q)
	}
}

func TestHistoryNamesWhatItCannotRead(t *testing.T) {
	s := newPageStand(t)
	for name, value := range map[string]string{"from": "yesterday", "to": "2026-13-01", "tag": "Two Words", "min": "-1", "max": "NaN", "q": "x"} {
		status, text := s.get("/calls?" + url.Values{name: {value}}.Encode())
		if status != http.StatusBadRequest || !regexp.MustCompile(`name="`+name+`" value="[^"]*"[^>]*aria-invalid`).MatchString(text) {
			t.Errorf("%s=%s: %d, or the field is not marked", name, value, status)
		}
	}
	if status, _ := s.get("/calls?cursor=nonsense"); status != http.StatusBadRequest {
		t.Errorf("a cursor that is none: %d", status)
	}
}

var callLink = regexp.MustCompile(`<th scope="row"><a href="/calls/([^"]+)"`)

func TestHistoryTurnsPages(t *testing.T) {
	s := newPageStand(t)
	now := time.Now()
	for i := range 120 {
		c := store.Call{ID: "c" + strings.Repeat("i", i%3) + time.Duration(i).String(), Agent: "a", Started: now.Add(-time.Duration(i) * time.Minute)}
		s.begin(c)
	}
	seen := map[string]bool{}
	path := "/calls?agent=a&caller="
	for pages := 0; path != ""; pages++ {
		_, text := s.get(path)
		for _, m := range callLink.FindAllStringSubmatch(text, -1) {
			if seen[m[1]] {
				t.Errorf("%s is there twice", m[1])
			}
			seen[m[1]] = true
		}
		next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(text)
		path = ""
		if next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
			if !strings.Contains(path, "agent=a") || strings.Contains(path, "caller=") {
				t.Errorf("the next page is %s", path)
			}
		}
		if pages > 5 {
			t.Fatal("no end")
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120 calls", len(seen))
	}
}

func TestHistoryFindsWords(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	_, text := s.get("/calls?q=ROOM+117")
	if got := callLink.FindAllStringSubmatch(text, -1); len(got) != 1 || got[0][1] != "past-17" || !strings.Contains(text, "<mark>room 117</mark>") {
		t.Errorf("found %v", got)
	}
	_, text = s.get("/calls?q=question+about")
	if got := callLink.FindAllStringSubmatch(text, -1); len(got) != pageMostFound || !strings.Contains(text, `rel="next"`) {
		t.Errorf("%d calls on a page", len(got))
	}
}

func TestSnippetCutsAround(t *testing.T) {
	long := strings.Repeat("so ", 100)
	f, ok := snippet(long+"Größe XL"+long, "GRÖSSE xl")
	if ok {
		t.Errorf("found what is spelled otherwise: %+v", f)
	}
	f, ok = snippet(long+"Größe XL"+long, "größe xl")
	if !ok || f.Hit != "Größe XL" || !strings.HasPrefix(f.Before, "… ") || !strings.HasSuffix(f.Rest, " …") || len(f.Before) > 80 {
		t.Errorf("%+v", f)
	}
	if f, ok = snippet("Yes.", "yes."); !ok || f != (pageFind{Hit: "Yes."}) {
		t.Errorf("%+v", f)
	}
}

func FuzzSnippet(f *testing.F) {
	f.Add("Good day, İstanbul", "istanbul")
	f.Add("\xff\xfe", "\xff")
	f.Add("a", "")
	f.Fuzz(func(t *testing.T, line, words string) {
		if s, ok := snippet(line, words); ok && (s.Hit == "" || len([]rune(s.Hit)) != len([]rune(words))) {
			t.Errorf("found %q for %q in %q", s.Hit, words, line)
		}
	})
}

func FuzzHistoryFilters(f *testing.F) {
	f.Add("from=2026-01-01&tz=Europe/Berlin&min=3")
	f.Add("tz=../../etc/passwd&to=9999-12-31&max=1e400")
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		filters := pageFiltersOf(v)
		q, faults := filters.query()
		if q.MinDuration < 0 || q.MaxDuration < 0 || slices.Contains(faults, "") {
			t.Errorf("%q asks %+v, %v", raw, q, faults)
		}
		pageAddress(v, "")
	})
}
