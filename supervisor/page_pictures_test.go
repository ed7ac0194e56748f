package supervisor

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var picturesDir = flag.String("pictures", "", "folder that TestPictures writes wall.png, transcript.png and others to; empty: a scratch folder")

// TestPictures takes pictures of the pages in light and dark, for the manual: go test ./supervisor -run TestPictures -pictures docs/pictures
func TestPictures(t *testing.T) {
	dir := *picturesDir
	if dir == "" {
		dir = t.TempDir()
	}
	s := newPageStand(t)
	s.demo()
	b := s.browse()
	for _, name := range []string{"wall", "transcript"} {
		b.picture(name, 1280, "light", filepath.Join(dir, name+".png"))
	}
	if os.Getenv("PICTURES") == "all" {
		for name := range pictured {
			b.picture(name, 1280, "dark", filepath.Join(dir, name+"-dark.png"))
			b.picture(name, 1280, "light", filepath.Join(dir, name+"-light.png"))
			b.picture(name, 360, "light", filepath.Join(dir, name+"-phone.png"))
		}
	}
}

// picture takes one picture of a page that has everything on it.
func (b *pageBrowser) picture(name string, width int64, scheme, file string) {
	b.Helper()
	b.look(width, scheme)
	b.open(pictured[name])
	b.until("document.readyState === 'complete' && (!document.querySelector('#link') || document.querySelector('#link').dataset.state === 'on')")
	b.until("!document.querySelector('#wave') || document.querySelector('#wave').ariaValueMax === '48' && " + waveDrawn)
	image, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	if len(image) > 200<<10 {
		b.Errorf("%s: %d bytes", name, len(image))
	}
	if err := os.WriteFile(file, image, 0o644); err != nil {
		b.Fatal(err)
	}
}
