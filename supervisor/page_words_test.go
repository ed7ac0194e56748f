package supervisor

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPageLanguagesSayTheSame(t *testing.T) {
	all, err := readPageWords()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 || all["de"]["wall.title"] == all["en"]["wall.title"] {
		t.Errorf("%d languages, German the same as English: %v", len(all), all["de"]["wall.title"])
	}
	en := pageWords{"a": "{n} calls"}
	for name, de := range map[string]pageWords{"no key": {}, "other placeholder": {"a": "{m} Anrufe"}, "no placeholder": {"a": "Anrufe"},
		"empty": {"a": ""}, "a key more": {"a": "{n} Anrufe", "b": "x"}} {
		if agreed(map[string]pageWords{"en": en, "de": de}) == nil {
			t.Errorf("%s: nobody noticed", name)
		}
	}
	if err := agreed(map[string]pageWords{"en": en, "de": {"a": "Anrufe: {n}"}}); err != nil {
		t.Error(err)
	}
}

// spokenGroups are the groups of words whose keys are made of names of the store.
var spokenGroups = regexp.MustCompile(`word "(\w+)"`)

func TestPageWordsAreAllUsed(t *testing.T) {
	source := pageSources(t)
	groups := map[string]bool{}
	for _, m := range spokenGroups.FindAllStringSubmatch(source, -1) {
		groups[m[1]] = true
	}
	all, err := readPageWords()
	if err != nil {
		t.Fatal(err)
	}
	for key := range all["en"] {
		group, name, _ := strings.Cut(key, ".")
		script := group == "js" && (strings.Contains(source, "say('"+name+"'") || strings.Contains(source, "show('"+name+"'") || strings.Contains(source, "stop('"+name+"'"))
		if !groups[group] && !script && !strings.Contains(source, `"`+key+`"`) {
			t.Errorf("nothing says %q", key)
		}
	}
	for _, m := range regexp.MustCompile(`(?:say|show|stop)\('(\w+)'`).FindAllStringSubmatch(source, -1) {
		if all["en"]["js."+m[1]] == "" {
			t.Errorf("scripts say %q, which is no word", m[1])
		}
	}
}

// pageSources is the text of everything that uses words.
func pageSources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || !strings.Contains(" .go .html .js ", " "+filepath.Ext(name)+" ") {
			return err
		}
		text, err := os.ReadFile(name)
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageTemplatesHaveNoWords keeps text where it can be translated, and style and script where the policy lets them be.
func TestPageTemplatesHaveNoWords(t *testing.T) {
	letters := regexp.MustCompile(`\p{L}{2,}`)
	files, err := filepath.Glob("templates/page_*.html")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := regexp.MustCompile(`(?s)\{\{.*?\}\}`).ReplaceAllString(string(text), "")
		for _, m := range regexp.MustCompile(`\s(style|on\w+)=`).FindAllString(plain, -1) {
			t.Errorf("%s: inline%s", file, m)
		}
		for _, m := range regexp.MustCompile(`(?:title|placeholder|alt|aria-label|aria-valuetext)="([^"]*)"`).FindAllStringSubmatch(plain, -1) {
			if letters.MatchString(m[1]) {
				t.Errorf("%s: literal %s", file, m[0])
			}
		}
		plain = regexp.MustCompile(`(?s)<(kbd|i class="mark").*?</\w+>`).ReplaceAllString(plain, "")
		plain = regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(plain, "")
		if found := letters.FindAllString(plain, -1); found != nil {
			t.Errorf("%s: literal %q", file, found)
		}
	}
}

func TestPageLanguageIsTheReaders(t *testing.T) {
	s := newPageStand(t)
	for accept, want := range map[string]string{"": "en", "de-AT,en;q=0.8": "de", "fr, de;q=0.5": "de", "xx": "en"} {
		if _, text := s.get("/", "Accept-Language", accept); !strings.Contains(text, `<html lang="`+want+`">`) {
			t.Errorf("%q: not %s", accept, want)
		}
	}
	if _, text := s.get("/", "Accept-Language", "de", "Cookie", "language=en"); !strings.Contains(text, `<html lang="en">`) {
		t.Error("the choice does not count")
	}
	for back, want := range map[string]string{"/calls?tag=x": "/calls?tag=x", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/"} {
		resp := s.post("/language", "language=de&back="+strings.ReplaceAll(back, "&", "%26"))
		if resp.StatusCode != 303 || resp.Header.Get("Location") != want || len(resp.Cookies()) != 1 {
			t.Errorf("%s: %s to %q", back, resp.Status, resp.Header.Get("Location"))
		}
	}
	if resp := s.post("/language", "language=xx"); resp.StatusCode != 400 {
		t.Errorf("a language that is not there: %s", resp.Status)
	}
}
