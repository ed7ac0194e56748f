package supervisor

import (
	"net/http"
	"net/url"

	"github.com/trunkline/trunkline/store"
)

// pageAudits is how many entries of the audit list a page shows.
const pageAudits = 100

// pageAuditView is what the audit page shows.
type pageAuditView struct {
	Call    string
	Entries []store.Audit
	Next    string // address of the next page; "": this is the last
}

// audit shows who did what.
func (p *pages) audit(w http.ResponseWriter, r *http.Request) {
	u := userOf(r.Context())
	if !u.May(Admin) {
		p.forbidden(w, r)
		return
	}
	v := &pageAuditView{Call: r.FormValue("call")}
	all, err := p.Archive.Audits(r.Context(), v.Call, r.FormValue("before"), pageAudits)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	for _, a := range all {
		if u.Agents == nil || a.Agent == "" || u.Sees(a.Agent) {
			v.Entries = append(v.Entries, a)
		}
	}
	if len(all) == pageAudits {
		v.Next = "/audit?" + url.Values{"call": {v.Call}, "before": {all[len(all)-1].ID}}.Encode()
	}
	p.show(w, r, http.StatusOK, "page_audit.html", "audit.title", v)
}
