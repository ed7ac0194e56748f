package supervisor

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/trunkline/trunkline/store"
)

// record enters into the audit list what the user is about to do. It comes first, so that nothing is read or done that
// is not in the list: when the list cannot be written, the request is refused. What is entered is what was asked for;
// it may fail afterwards. c is nil when it is about no one call.
func (a *api) record(r *http.Request, action string, c *store.Call, detail string) error {
	entry := store.Audit{Who: userOf(r.Context()).Name, From: peer(r), Action: action, Detail: detail}
	if c != nil {
		entry.Call, entry.Agent = c.ID, c.Agent
	}
	if err := a.Archive.Record(r.Context(), entry); err != nil {
		a.Log.Warn("the audit list cannot be written", "action", action, "err", err)
		return &problem{Status: http.StatusServiceUnavailable, Detail: "the audit list cannot be written, and nothing is done that is not in it",
			Place: "audit", Remedy: "try again when the store is back"}
	}
	return nil
}

// peer is the address of the client.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// auditEntry is a [store.Audit] in JSON.
type auditEntry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	From   string    `json:"from"`
	Action string    `json:"action"`
	Call   string    `json:"call,omitzero"`
	Agent  string    `json:"agent,omitzero"`
	Detail string    `json:"detail,omitzero"`
}

type auditPage struct {
	Entries []auditEntry `json:"entries"`
	Next    string       `json:"next"` // the before of the next page
}

// Sizes of a page of the audit list.
const (
	usualAudits = 100
	mostAudits  = 500
)

// audits shows who did what. An admin of some agents sees what was done to their calls, deleted ones included.
func (a *api) audits(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "call", "before", "limit"); err != nil {
		return err
	}
	p := params{Values: r.URL.Query()}
	limit := p.number("limit", usualAudits, mostAudits)
	if p.err != nil {
		return p.err
	}
	list, err := a.Archive.Audits(r.Context(), p.Get("call"), p.Get("before"), limit)
	if err != nil {
		return err
	}
	page := auditPage{Entries: []auditEntry{}}
	for _, e := range list {
		if u := userOf(r.Context()); u.Agents == nil || e.Agent != "" && u.Sees(e.Agent) {
			page.Entries = append(page.Entries, auditEntry(e))
		}
	}
	if len(list) == limit {
		page.Next = list[limit-1].ID
	}
	return answerJSON(w, http.StatusOK, page)
}

// deleteCall removes a call with all that belongs to it.
func (a *api) deleteCall(w http.ResponseWriter, r *http.Request) error {
	c, err := a.see(r)
	if err != nil {
		return err
	}
	if err := a.record(r, "delete", c, ""); err != nil {
		return err
	}
	if err := a.Archive.Delete(r.Context(), c.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteCaller removes all calls of a number: what a person may ask for whose words were kept. Only who sees every
// agent can promise that. The number is in no list and no log.
func (a *api) deleteCaller(w http.ResponseWriter, r *http.Request) error {
	if err := only(r, "number"); err != nil {
		return err
	}
	if userOf(r.Context()).Agents != nil {
		return &problem{Status: http.StatusForbidden, Detail: "you see the calls of some agents only, and a caller's are deleted with all agents or not at all",
			Place: "role", Remedy: "ask an admin of all agents"}
	}
	number := r.URL.Query().Get("number")
	if number == "" {
		return bad("number", "there is no number", "name the caller whose calls are to go")
	}
	if err := a.record(r, "delete_caller", nil, ""); err != nil {
		return err
	}
	n, err := store.DeleteCaller(r.Context(), a.Archive, number)
	if err != nil && n > 0 {
		a.Log.Warn("deleting the calls of a caller stopped", "deleted", n, "err", err)
		return &problem{Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%d calls were deleted, then the store failed", n), Place: "store", Remedy: "repeat the request"}
	}
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, deleted{n})
}

type deleted struct {
	Deleted int `json:"deleted"`
}
