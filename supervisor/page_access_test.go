package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axeSource is the accessibility checker. It is fetched, not kept: make peers.
func axeSource(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "npm", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("the accessibility checker is not there: run make peers (%v)", err)
	}
	return string(text)
}

const axeRun = `axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations
	.filter((v) => ['serious', 'critical', 'moderate'].includes(v.impact))
	.map((v) => v.impact + ' ' + v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; ')))`

func TestPagesAreAccessible(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	axe := axeSource(t)
	for name, path := range pictured {
		b.open(path)
		b.until("document.readyState === 'complete'")
		eval[bool](b, axe+"; true")
		for _, look := range []struct {
			width  int64
			scheme string
		}{{1280, "light"}, {1280, "dark"}, {360, "light"}} {
			b.look(look.width, look.scheme)
			for _, fault := range eval[[]string](b, axeRun) {
				t.Errorf("%s, %d wide, %s: %s", name, look.width, look.scheme, fault)
			}
			if over := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("%s, %d wide: %d too wide, such as %s", name, look.width, over, eval[string](b,
					"[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll')).map((e) => e.tagName + '.' + e.className).slice(0, 5).join(' ')"))
			}
		}
		b.clean()
	}
}

func TestKeysLeadThroughAPage(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	focus := func() string {
		return eval[string](b, "document.activeElement.closest('li, tr')?.id ?? document.activeElement.id")
	}
	expect := func(keys, want string) {
		t.Helper()
		b.press(strings.Split(keys, "")...)
		if got := focus(); got != want {
			t.Errorf("%s leads to %q, not %q", keys, got, want)
		}
	}
	b.open("/")
	b.until("document.querySelector('#link').dataset.state === 'on' && !document.querySelector('[data-open=keys]').hidden")
	b.press(kb.Tab)
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first stop is %q, not the way past the head", got)
	}
	b.press(kb.Enter)
	if got := focus(); got != "main" {
		t.Errorf("the way past the head leads to %q", got)
	}
	expect("jj", "c-run-5")
	expect("k", "c-run-7")
	expect("/j", "seek") // in a field a letter is a letter
	b.press(kb.Escape)
	b.press("?")
	b.until("document.querySelector('#keys').open")
	b.press(kb.Escape)
	b.until("!document.querySelector('#keys').open")
	expect("jjj", "c-run-3")
	b.press(kb.Enter)
	b.until("location.pathname === '/calls/run-3' && document.readyState === 'complete'")
	eval[bool](b, "document.querySelector('#keys-on').click(), document.activeElement.blur(), true")
	expect("j", "")
	b.clean()
}

func TestHistoryFormMakesAnAddress(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	b.open("/calls")
	b.do(chromedp.SetValue(chromedp.CSS("#f-agent"), "reservations"), chromedp.SetValue(chromedp.CSS("#f-min"), "60"),
		chromedp.SetValue(chromedp.CSS("#f-from"), "2020-02-01"))
	eval[bool](b, "document.querySelector('#filters .main').click(), true")
	b.until("location.search !== '' && document.readyState === 'complete'")
	zone := eval[string](b, "Intl.DateTimeFormat().resolvedOptions().timeZone")
	got := eval[string](b, "[...new URLSearchParams(location.search)].map((p) => p.join('=')).sort().join('&')")
	if want := fmt.Sprintf("agent=reservations&from=2020-02-01&min=60&tz=%s", zone); got != want {
		t.Errorf("the address has %s, not %s", got, want)
	}
	if agents := eval[string](b, "[...new Set([...document.querySelectorAll('tbody td:nth-of-type(2)')].map((e) => e.innerText))].join()"); agents != "reservations" {
		t.Errorf("shows calls of %s", agents)
	}
	b.clean()
}

func TestGermanPage(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	b.open("/calls/heard-1")
	eval[bool](b, "document.querySelector('[value=de]').click(), true")
	b.until("document.documentElement.lang === 'de' && document.readyState === 'complete'")
	if got := eval[string](b, "location.pathname + ' ' + document.querySelector('#transcript-title').innerText + ' ' + document.querySelector('.latency summary').innerText"); got != "/calls/heard-1 Gespräch Antwort nach 0,79 s" {
		t.Errorf("shows %q", got)
	}
	b.clean()
}

func TestTurnIsHeardWhenPointedAt(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	b.look(1280, "light")
	b.open("/calls/heard-1")
	b.until("document.querySelector('#wave').ariaValueMax === '48'")
	eval[bool](b, "document.querySelectorAll('[data-hear]')[3].click(), true")
	b.until("document.querySelector('#audio').currentTime >= 18 && document.querySelector('.playing')?.innerText.includes('four, seven')")
	eval[bool](b, "document.querySelector('#audio').pause(), document.querySelector('#wave').focus(), true")
	b.press(kb.End)
	b.until("document.querySelector('#wave').ariaValueText === '0:48' && document.querySelector('.playing').innerText.includes('Fine, thank you')")
	b.until(waveDrawn)
	b.clean()
}
