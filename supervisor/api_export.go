package supervisor

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trunkline/trunkline/store/export"
)

// export sends a transcript as a file, page by page. When the store fails on the way the connection is cut, so that half
// a file is not taken for a whole one.
func (a *api) export(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "format"); err != nil {
		return err
	}
	name := r.URL.Query().Get("format")
	if name == "" {
		name = export.Formats[0].Name
	}
	format, err := export.Find(name)
	if err != nil {
		return bad("format", "there is no such format", "use one of "+strings.Join(export.Names(), ", "))
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	if err := a.record(r, "export", c, format.Name); err != nil {
		return err
	}
	w.Header().Set("Content-Type", format.ContentType)
	w.Header().Set("Content-Disposition", attachment(c.ID+"."+format.Name))
	if r.Method == http.MethodHead {
		return nil
	}
	sent := &patient{ResponseWriter: w, rc: http.NewResponseController(w)}
	out := bufio.NewWriterSize(sent, 32<<10)
	err = export.CopyCall(r.Context(), format.Open(out), a.Archive, c)
	if err == nil {
		err = out.Flush()
	}
	if err != nil && sent.begun {
		a.Log.Warn("an export broke off", "call_id", c.ID, "format", format.Name, "err", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// attachment says under which name a browser keeps a file.
func attachment(name string) string { return "attachment; filename*=UTF-8''" + url.PathEscape(name) }

// patient is an answer that may take long: each write has its own deadline, whatever the server's is.
type patient struct {
	http.ResponseWriter
	rc    *http.ResponseController
	begun bool
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	_ = p.rc.SetWriteDeadline(time.Now().Add(writePatience)) // a recorder in a test has none
	return p.ResponseWriter.Write(b)
}

// WriteHeader implements http.ResponseWriter.
func (p *patient) WriteHeader(status int) {
	p.begun = true
	p.ResponseWriter.WriteHeader(status)
}
