package supervisor

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pageWatch notes what the page's policy forbade, from the first script on, and faults of scripts.
const pageWatch = `window.faults = [];
addEventListener('securitypolicyviolation', (e) => faults.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile + ':' + e.lineNumber));
addEventListener('error', (e) => faults.push(e.message + ' ' + e.filename + ':' + e.lineno), true);
addEventListener('unhandledrejection', (e) => faults.push(String(e.reason)));`

// pageBrowser is one tab of a real browser.
type pageBrowser struct {
	*pageStand
	ctx context.Context
}

// browse starts a browser of its own for the test and ends it with it.
func (s *pageStand) browse() *pageBrowser {
	s.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(s.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	s.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	s.Cleanup(cancel)
	b := &pageBrowser{s, ctx}
	b.do(func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: pageWatch})
		return v, err
	})
	return b
}

func (b *pageBrowser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

func (b *pageBrowser) open(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.http.URL + path))
}

// eval runs a script on the page.
func eval[T any](b *pageBrowser, script string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a condition on the page. A script that fails is one that does not hold yet: pages may be changing.
func (b *pageBrowser) until(script string) {
	b.Helper()
	for end := time.Now().Add(pagePatience); ; time.Sleep(20 * time.Millisecond) {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("never: %s (%v)\n%s", script, err, eval[string](b, "document.body.innerText"))
		}
	}
}

// clean fails the test when the page's policy was broken or a script failed.
func (b *pageBrowser) clean() {
	b.Helper()
	if faults := eval[[]string](b, "faults"); len(faults) > 0 {
		b.Errorf("%s: %s", eval[string](b, "location.pathname"), strings.Join(faults, "\n"))
	}
}

// look sets the size of the window and the scheme of colours, and asks for no motion, which a test would have to wait for.
func (b *pageBrowser) look(width int64, scheme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 900), func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return v, err
	})
}

func (b *pageBrowser) press(keys ...string) {
	b.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// waveDrawn holds when the waveform of a recording is to be seen.
const waveDrawn = `(() => { const c = document.querySelector('#wave'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 1000; })()`

// pictured are the pages that are looked at.
var pictured = map[string]string{"wall": "/", "transcript": "/calls/heard-1", "live": "/calls/run-3", "history": "/calls", "found": "/calls?q=room+11",
	"stats": "/stats?days=7", "audit": "/audit", "missing": "/calls/nobody"}
