package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/store"
)

// cut ends every connection of the browser, as a restart of a proxy does.
func (b *pageBrowser) cut() { b.http.CloseClientConnections() }

func TestTranscriptInABrowserLosesNothing(t *testing.T) {
	s := newPageStand(t)
	s.begin(store.Call{ID: "c", Agent: "a", Caller: "+1", Started: time.Now(), Answered: time.Now()})
	var want []string
	line := func(i int) {
		text := fmt.Sprintf("line %d", i)
		want = append(want, text)
		s.add("c", said(store.RoleCaller, text))
	}
	line(0)
	b := s.browse()
	b.open("/calls/c")
	const lines = "[...document.querySelectorAll('#lines .turn')].map((e) => e.innerText.replace(/^\\S+\\s+/, ''))"
	b.until("document.querySelector('#link').dataset.state === 'on'")
	for i := 1; i < 20; i++ {
		line(i)
		if i%6 == 0 {
			b.until(fmt.Sprintf("document.querySelector('#lines').innerText.includes('line %d')", i))
			b.cut()
		}
	}
	b.until("document.querySelector('#lines').innerText.includes('line 19')")
	if got := eval[[]string](b, lines); !slices.Equal(got, want) {
		t.Errorf("the page has %q", got)
	}
	b.until("document.querySelector('#link').dataset.state === 'on'")
	s.finish(store.Call{ID: "c", Agent: "a", Started: time.Now(), Ended: time.Now(), Cause: "normal"})
	b.until("document.querySelector('#link').dataset.state === 'end'")
	b.until("document.querySelector('#head').innerText.includes('Over')")
	b.clean()
}

func TestTranscriptStopsScrollingForItsReader(t *testing.T) {
	s := newPageStand(t)
	s.begin(store.Call{ID: "c", Agent: "a", Caller: "+1", Started: time.Now(), Answered: time.Now()})
	for range 60 {
		s.add("c", said(store.RoleCaller, "a line of a long call"))
	}
	b := s.browse()
	b.look(1280, "light")
	b.open("/calls/c")
	const atEnd = "innerHeight + scrollY >= document.documentElement.scrollHeight - 120"
	b.until("document.querySelector('#link').dataset.state === 'on' && " + atEnd)
	s.add("c", said(store.RoleAgent, "followed"))
	b.until("document.querySelector('#lines').innerText.includes('followed') && " + atEnd)
	eval[bool](b, "scrollTo(0, 0), true")
	b.until("scrollY === 0")
	s.add("c", said(store.RoleAgent, "not followed"))
	b.until("document.querySelector('#lines').innerText.includes('not followed') && !document.querySelector('#down').hidden && scrollY === 0")
	eval[bool](b, "document.querySelector('#down').click(), true")
	b.until(atEnd + " && document.querySelector('#down').hidden")
	b.clean()
}

// TestWallIsFastWithManyCalls measures from the journal to the page with 200 running calls.
func TestWallIsFastWithManyCalls(t *testing.T) {
	s := newPageStand(t)
	for i := range 200 {
		s.begin(store.Call{ID: fmt.Sprintf("c%d", i), Agent: "a", Caller: fmt.Sprintf("+49%d", i), Started: time.Now(), Answered: time.Now()})
	}
	b := s.browse()
	b.open("/")
	b.until("document.querySelector('#link').dataset.state === 'on' && document.querySelectorAll('.card').length === 200")
	eval[bool](b, `window.came = {}, new MutationObserver((all) => { for (const m of all) for (const card of m.addedNodes) {
		const words = card.querySelector?.('.words')?.textContent.match(/mark \d+/); if (words) came[words[0]] ??= Date.now(); } })
		.observe(document.querySelector('#cards'), { childList: true }), true`)
	const lines = 100
	sent := map[string]int64{}
	pace := time.NewTicker(20 * time.Millisecond) // each call has a new line every four seconds
	defer pace.Stop()
	for i := range lines {
		<-pace.C
		text := fmt.Sprintf("mark %d", i)
		s.add(fmt.Sprintf("c%d", i*2), said(store.RoleCaller, text))
		sent[text] = time.Now().UnixMilli() // when it is safe on disk, which takes as long as the disk does
	}
	b.until(fmt.Sprintf("Object.keys(came).length === %d", lines))
	var took []int64
	for text, at := range eval[map[string]int64](b, "came") {
		took = append(took, at-sent[text])
	}
	slices.Sort(took)
	t.Logf("from the journal to the page: median %d ms, 95 %% within %d ms", took[lines/2], took[lines*95/100])
	if slowest := took[lines-1]; slowest > pagePatience.Milliseconds() {
		t.Errorf("the slowest line took %d ms", slowest)
	}
	b.clean()
}

func TestWallInABrowserFollows(t *testing.T) {
	s := newPageStand(t)
	b := s.browse()
	b.open("/")
	b.until("document.querySelector('#link').dataset.state === 'on' && !document.querySelector('#empty').hidden")
	s.demo()
	const sums = "[...document.querySelectorAll('[data-count]')].map((e) => e.innerText).join(' ')"
	b.until(sums + " === '8 5 1 1 1 2' && document.querySelector('#empty').hidden")
	b.until("document.title.startsWith('(2) ')")
	order := eval[string](b, "[...document.querySelectorAll('.card')].map((e) => e.dataset.call).join(' ')")
	if order != "run-7 run-5 run-3 run-8 run-2 run-6 run-1 run-4" {
		t.Errorf("the wall has %s", order)
	}
	eval[bool](b, "document.querySelector('#c-run-1 a').focus(), true")
	s.add("run-1", said(store.RoleCaller, "Yes, <i>move</i> it."))
	b.until("document.querySelector('#c-run-1').innerText.includes('<i>move</i>') && document.activeElement.closest('li').id === 'c-run-1'")
	b.until("/^4:\\d\\d$/.test(document.querySelector('#c-run-1 .clock').innerText)")
	b.cut()
	now := time.Now()
	s.finish(store.Call{ID: "run-2", Agent: "reservations", Started: now, Ended: now})
	b.until("!document.querySelector('#c-run-2') && document.querySelector('#link').dataset.state === 'on'")
	if n := s.running(); n != 7 {
		t.Errorf("%d calls run", n)
	}
	b.clean()
}

func TestSupervisorActsFromThePage(t *testing.T) {
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	b.look(1280, "light")
	b.open("/calls/run-1")
	b.until("!document.querySelector('#actions').hidden && !document.querySelector('#transfer').hidden")
	for _, step := range []struct{ do, want string }{
		{"document.querySelector('#tell-text').value = 'offer a \"late\" check-out', document.querySelector('#tell button').click()", `tell run-1 offer a "late" check-out`},
		{"document.querySelector('#target').value = 'billing', document.querySelector('#transfer button').click()", "transfer run-1 billing"},
		{"document.querySelector('#silence').click()", "silence run-1 true"},
		{"document.querySelector('#note-text').value = 'calm', document.querySelector('#note button').click()", ""},
		{"document.querySelector('#tag-name').value = 'vip', document.querySelector('#tag button').click()", ""},
		{"document.querySelector('[data-open=hangup]').click(), document.querySelector('#hangup button:not(.danger)').click(), document.querySelector('[data-open=hangup]').click(), document.querySelector('#hangup button.danger').click()", "hangup run-1"},
	} {
		eval[bool](b, step.do+", true")
		if step.want != "" {
			s.lastAct(step.want)
		}
	}
	b.until("document.querySelector('#silence').ariaPressed === 'true' && document.querySelector('.tags')?.innerText.includes('vip')")
	b.until("document.body.innerText.includes('calm')")
	if got := s.live.acted(); len(got) != 4 {
		t.Errorf("did %q", got)
	}
	b.clean()
}

// lastAct waits until the last thing that came to the API is this.
func (s *pageStand) lastAct(want string) {
	s.Helper()
	for end := time.Now().Add(pagePatience); ; time.Sleep(10 * time.Millisecond) {
		got := s.live.acted()
		if len(got) > 0 && got[len(got)-1] == want {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("did %s, not %q", strings.Join(got, "; "), want)
		}
	}
}
