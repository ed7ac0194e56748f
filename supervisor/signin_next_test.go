package supervisor

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestSafeNext(t *testing.T) {
	for _, good := range []string{"/", "/calls", "/calls?agent=a&tag=b", "/calls/0123?at=5#line-7", "/calls?text=%22two%20words%22", "/signs"} {
		if got := safeNext(good); got != good {
			t.Errorf("%q becomes %q", good, got)
		}
	}
	for _, bad := range []string{"", "calls", "https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example",
		"/\n/evil.example", "javascript:alert(1)", "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "/%2e//evil.example", "/a/..//evil.example", "/%2f/evil.example", "/calls\r\nSet-Cookie: a=b",
		"/sign-in", "/sign-in?next=/", "/sign-out", "/oidc/start", "/api/v1/calls", "/calls\x00", "/é", "/%zz", "/" + strings.Repeat("a", 2048)} {
		if got := safeNext(bad); got != "/" {
			t.Errorf("%q leads to %q", bad, got)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, seed := range []string{"/", "/calls?a=b", "//evil.example", `/\evil.example`, "/\t/evil.example", "/.//evil.example", "https:evil.example", "/%2f/x", "/a//b", "/?//x", "/#//x"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://calls.example.com/sign-in")
	f.Fuzz(func(t *testing.T, next string) {
		got := safeNext(next)
		if got != next && got != "/" {
			t.Fatalf("%q becomes %q", next, got)
		}
		// As browsers read it: tabs and line ends are nothing, a backslash is a slash.
		seen := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		to, err := base.Parse(seen)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme || strings.HasPrefix(to.Path, "//") {
			t.Errorf("%q leads to %v: %v", next, to, err)
		}
		// As it is sent.
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("POST", base.String(), nil), got, http.StatusSeeOther)
		if sent := w.Header().Get("Location"); !strings.HasPrefix(sent, "/") || strings.HasPrefix(sent, "//") || strings.HasPrefix(sent, `/\`) {
			t.Errorf("%q is sent as %q", next, sent)
		}
	})
}
