package supervisor

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed templates/signin.html
var signInFile embed.FS

var signInTemplate = template.Must(template.ParseFS(signInFile, "templates/signin.html"))

// signInView is what the page shows.
type signInView struct {
	Lang         string
	T            map[string]string // words in that language
	Fault        string            // "": none
	Next         string
	Tokens, OIDC bool // ways in
}

// showSignIn answers with the page. fault names one of signInWords.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, status int, next, fault string) {
	lang := signInLang(r.Header.Get("Accept-Language"))
	words := signInWords[lang]
	var page bytes.Buffer
	err := signInTemplate.Execute(&page, signInView{Lang: lang, T: words, Fault: words[fault], Next: safeNext(next),
		Tokens: len(s.door.members) > 0, OIDC: s.door.issuer != nil})
	if err != nil {
		panic(err) // the template is ours
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}
