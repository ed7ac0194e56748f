package supervisor

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"

	devlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

// A real browser signs in and out, over TLS and over plain HTTP on this machine, by name and by address: it is the
// browser that decides which cookies it keeps, what is another site, and what the policy forbids.
func TestBrowserSignsIn(t *testing.T) {
	d := newDoorStand(t, someTokens)
	d.mux.HandleFunc("/door", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title>door</title><h1 id="who">` + userOf(r.Context()).Name + `</h1>
			<form method="post" action="/sign-out"><button id="out">out</button></form>`))
	})
	cert, key := newPair(t, "one")
	plain := d.listens(ListenOptions{Address: "127.0.0.1:0"}, usualTimes).Addr().String()
	secure := d.listens(ListenOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key}, usualTimes).Addr().String()
	b := newDoorBrowser(t)
	for _, url := range []string{"http://" + plain, "http://" + strings.Replace(plain, "127.0.0.1", "localhost", 1), "https://" + secure} {
		b.do(chromedp.Navigate(url+"/door?a=b"), chromedp.SendKeys("#token", "guess\r"), chromedp.WaitVisible(".fault"),
			chromedp.SendKeys("#token", annasToken+"\r"), chromedp.WaitVisible("#who"))
		if got := ask(b, chromedp.Location()); got != url+"/door?a=b" {
			t.Errorf("the sign-in leads to %s", got)
		}
		b.do(chromedp.Navigate(url + "/door"))
		if who := ask(b, chromedp.Text("#who")); who != "anna" {
			t.Errorf("%s: the browser comes back as %q", url, who)
		}
		if got := ask(b, chromedp.Evaluate[string]("document.cookie")); got != "" {
			t.Errorf("%s: scripts see the cookie %s", url, got)
		}
		b.do(chromedp.Click("#out"), chromedp.WaitVisible("#token"), chromedp.Navigate(url+"/door"), chromedp.WaitVisible("#token"))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		t.Errorf("the browser complains: %q", b.complaints)
	}
}

// doorBrowser is a headless Chromium that takes any certificate.
type doorBrowser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // about the policy of a page
}

func newDoorBrowser(t *testing.T) *doorBrowser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs chromium: apt-get install chromium (%v)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("ignore-certificate-errors", true))
	ctx, ended := context.WithTimeout(t.Context(), 4*soon)
	t.Cleanup(ended)
	ctx, ended = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(ended) // waits for the process
	ctx, ended = chromedp.NewContext(ctx)
	t.Cleanup(ended)
	b := &doorBrowser{t: t, ctx: ctx}
	b.do(chromedp.Navigate("about:blank"))
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *doorBrowser) hear(event any) {
	e, ok := event.(*devlog.EventEntryAdded)
	if ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, e.Entry.Text)
	}
}

func (b *doorBrowser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func ask[T any](b *doorBrowser, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}
