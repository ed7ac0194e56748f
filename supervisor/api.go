package supervisor

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/trunkline/trunkline/store"
)

// apiPrefix is where programs find what they use.
const apiPrefix = "/api/v1/"

// apiMethods are the methods that the API answers, be it with a refusal. Each is entered by itself, so that a page may
// be "GET /" beside.
var apiMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// route is one thing that programs can ask for. Its errors become problems, see [problemOf].
type route struct {
	method, path string // the path as [http.ServeMux] has it, behind apiPrefix
	role         Role
	handle       func(w http.ResponseWriter, r *http.Request) error
}

// api answers programs. Safe for use by several goroutines. Static after newAPI.
type api struct {
	*Server
	routes  []route
	mux     *http.ServeMux
	streams *streams
	hub     *hub
	peaks   *peakCache
	heard   *recently // who listened to which recording, so that one sitting is one entry of the audit list
}

// apiRoutes enters what programs use.
func (s *Server) apiRoutes(mux *http.ServeMux) {
	s.api = newAPI(s)
	for _, method := range apiMethods {
		mux.Handle(method+" "+apiPrefix, s.api)
	}
}

func newAPI(s *Server) *api {
	a := &api{Server: s, mux: http.NewServeMux(), streams: newStreams(), peaks: newPeakCache(), heard: newRecently()}
	a.hub = newHub(s.Archive, s.Log)
	a.routes = []route{
		{"GET", "calls", Viewer, a.listCalls},
		{"GET", "calls/{id}", Viewer, a.oneCall},
		{"GET", "calls/{id}/entries", Viewer, a.entries},
		{"GET", "calls/{id}/follow", Viewer, a.follow},
		{"GET", "calls/{id}/recording", Viewer, a.recording},
		{"GET", "calls/{id}/peaks", Viewer, a.recordingPeaks},
		{"GET", "feed", Viewer, a.feed},
		{"GET", "search", Viewer, a.searchCalls},
		{"GET", "stats", Viewer, a.stats},
		{"GET", "openapi.json", Viewer, a.openAPI},
		{"GET", "calls/{id}/export", Supervisor, a.export},
		{"GET", "calls/{id}/actions", Supervisor, a.actions},
		{"POST", "calls/{id}/notes", Supervisor, a.addNote},
		{"POST", "calls/{id}/tags", Supervisor, a.changeTags},
		{"POST", "calls/{id}/hangup", Supervisor, a.hangup},
		{"POST", "calls/{id}/transfer", Supervisor, a.transfer},
		{"POST", "calls/{id}/tell", Supervisor, a.tell},
		{"POST", "calls/{id}/silence", Supervisor, a.silence},
		{"DELETE", "calls/{id}", Admin, a.deleteCall},
		{"DELETE", "callers", Admin, a.deleteCaller},
		{"GET", "audit", Admin, a.audits},
	}
	for _, rt := range a.routes {
		a.mux.Handle(rt.method+" "+apiPrefix+rt.path, a.guard(rt))
	}
	return a
}

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, pattern := a.mux.Handler(r); pattern == "" {
		a.nowhere(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// nowhere answers what no route does: OPTIONS with the methods that are there, other methods and paths with a problem.
func (a *api) nowhere(w http.ResponseWriter, r *http.Request) {
	verdict := &unwritten{http.Header{}}
	a.mux.ServeHTTP(verdict, r)
	allow := verdict.Header().Get("Allow")
	switch {
	case allow == "":
		a.refuse(w, r, &problem{Status: http.StatusNotFound, Detail: "there is nothing at this path",
			Place: "path", Remedy: "GET " + apiPrefix + "openapi.json says what there is"})
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allow+", OPTIONS")
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", allow+", OPTIONS")
		a.refuse(w, r, &problem{Status: http.StatusMethodNotAllowed, Detail: r.Method + " is not for this path", Place: "method", Remedy: "use " + allow})
	}
}

// unwritten is an answer of which only the head counts.
type unwritten struct{ header http.Header }

func (u *unwritten) Header() http.Header         { return u.header }
func (u *unwritten) WriteHeader(int)             {}
func (u *unwritten) Write(p []byte) (int, error) { return len(p), nil }

// guard lets those through who have the role.
func (a *api) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !userOf(r.Context()).May(rt.role) {
			a.refuse(w, r, &problem{Status: http.StatusForbidden, Detail: "this is for the role " + rt.role.String() + " and above",
				Place: "role", Remedy: "ask an admin for the role"})
			return
		}
		if err := rt.handle(w, r); err != nil {
			a.refuse(w, r, err)
		}
	})
}

// see returns a call that the user may know of. To others it is not there.
func (a *api) see(r *http.Request) (*store.Call, error) {
	id := r.PathValue("id")
	if store.ValidateCallID(id) != nil {
		return nil, store.ErrNotFound
	}
	c, err := a.Archive.Call(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if !userOf(r.Context()).Sees(c.Agent) {
		return nil, store.ErrNotFound
	}
	return &c, nil
}

// answerJSON writes what was asked for.
func answerJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who does not wait for the answer does not get it
	return nil
}

// only refuses parameters that are not known: a filter with a wrong name would show everything.
func only(r *http.Request, names ...string) error {
	for name, values := range r.URL.Query() {
		if !slices.Contains(names, name) {
			return bad(name, "there is no such parameter", "use "+strings.Join(names, ", "))
		}
		if len(values) > 1 && name != "agent" {
			return bad(name, "it stands there more than once", "give it once")
		}
	}
	return nil
}
