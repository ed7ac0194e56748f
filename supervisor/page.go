package supervisor

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"

	"github.com/trunkline/trunkline/store"
)

var (
	//go:embed templates/page_*.html
	pageTemplates embed.FS
	//go:embed static
	pageStatic embed.FS
)

// pages shows calls to people. Every page is whole without script; scripts follow streams of fragments that the same
// templates make, so that a line looks the same however it came. Static after newPages.
//
//	GET /calls/{id} ────────► page_call.html ─┐
//	GET /calls/{id}/stream ─► SSE ────────────┴─► {{template "line"}}   one template, one language each
type pages struct {
	*Server
	words  map[string]pageWords          // by language
	sets   map[string]*template.Template // by language: words are a part of a template, not of its data
	assets map[string]*pageAsset         // by path under /static/
}

// pageRoutes enters what people look at.
func (s *Server) pageRoutes(mux *http.ServeMux) error {
	p, err := newPages(s)
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	mux.HandleFunc("GET /{$}", p.wall)
	mux.HandleFunc("GET /wall/stream", p.wallStream)
	mux.HandleFunc("GET /calls", p.history)
	mux.HandleFunc("GET /calls/{id}", p.call)
	mux.HandleFunc("GET /calls/{id}/head", p.callHead)
	mux.HandleFunc("GET /calls/{id}/stream", p.callStream)
	mux.HandleFunc("GET /stats", p.stats)
	mux.HandleFunc("GET /audit", p.audit)
	mux.HandleFunc("POST /language", p.chooseLanguage)
	mux.HandleFunc("GET /static/{file}", p.asset)
	return nil
}

func newPages(s *Server) (*pages, error) {
	p := &pages{Server: s, sets: map[string]*template.Template{}}
	var err error
	if p.words, err = readPageWords(); err != nil {
		return nil, err
	}
	for lang, words := range p.words {
		t := template.New("").Funcs(pageFuncs(words))
		if p.sets[lang], err = t.ParseFS(pageTemplates, "templates/page_*.html"); err != nil {
			return nil, err
		}
	}
	p.assets, err = readPageAssets()
	return p, err
}

// pageView is what the frame of every page needs.
type pageView struct {
	Title   string // key of the words
	Lang    string
	Path    string // with the query, to come back after the language was changed
	User    *User
	SignOut bool
	Kept    string
	Version string
	Now     int64  // unix milliseconds, by which the browser corrects its clock
	Words   string // of scripts, as JSON
	Data    any
}

// show answers with a page.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) {
	lang := p.language(r)
	v := pageView{Title: title, Lang: lang, Path: r.URL.RequestURI(), User: userOf(r.Context()), SignOut: p.SignIn != nil,
		Kept: p.Kept, Version: p.Version, Now: pageNow().UnixMilli(), Words: p.words[lang].scripts(), Data: data}
	body, err := p.fragment(lang, name, &v)
	if err != nil {
		p.Log.Error("a page could not be made", "page", name, "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who left does not read it
}

// fragment fills a template of a language.
func (p *pages) fragment(lang, name string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := p.sets[lang].ExecuteTemplate(&b, name, data)
	return b.Bytes(), err
}

// failed answers a request that cannot be answered.
func (p *pages) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil: // nobody is there to read it
	case errors.Is(err, store.ErrNotFound):
		p.show(w, r, http.StatusNotFound, "page_fault.html", "fault.missing", "fault.missing_text")
	case errors.Is(err, store.ErrInvalid):
		p.show(w, r, http.StatusBadRequest, "page_fault.html", "fault.invalid", "fault.invalid_text")
	default:
		p.Log.Error("the store did not answer a page", "path", r.Pattern, "err", err)
		p.show(w, r, http.StatusServiceUnavailable, "page_fault.html", "fault.store", "fault.store_text")
	}
}

// forbidden answers who may not see a page.
func (p *pages) forbidden(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusForbidden, "page_fault.html", "fault.forbidden", "fault.forbidden_text")
}

// pageAsset is a style sheet or a script.
type pageAsset struct {
	body      []byte
	kind, tag string // content type and ETag
}

func readPageAssets() (map[string]*pageAsset, error) {
	all := map[string]*pageAsset{}
	return all, fs.WalkDir(pageStatic, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := pageStatic.ReadFile(name)
		sum := sha256.Sum256(body)
		all[path.Base(name)] = &pageAsset{body, mime.TypeByExtension(path.Ext(name)), `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return err
	})
}

// asset serves a file of static. Browsers ask again each time, so that a new program never meets an old script.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	a := p.assets[r.PathValue("file")]
	if a == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(a.body)
}
