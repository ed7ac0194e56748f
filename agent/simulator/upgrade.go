package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
)

// upgrade is what the HTTP request says about the session.
type upgrade struct {
	path  string
	model string   // or deployment
	shape *refusal // the wrong dialect's header: an error event, then close 4000
}

// httpProblem is an answer to an upgrade that is none.
type httpProblem struct {
	status        int
	code, message string
}

func (p *httpProblem) write(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"type": "invalid_request_error", "code": p.code, "message": p.message, "param": nil}})
	if err != nil { // strings always encode
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	w.Write(body) // a client that went away misses nothing
}

// The addresses of the service. The path says whose; the query names the model.
const (
	pathOpenAI       = "/v1/realtime"
	pathAzureGA      = "/openai/v1/realtime"
	pathAzurePreview = "/openai/realtime"
)

// checkUpgrade checks key, address and headers as the providers do.
func (s *Server) checkUpgrade(r *http.Request) (upgrade, *httpProblem) {
	if !s.authorised(r) {
		return upgrade{}, &httpProblem{http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided."}
	}
	if s.opts.Dialect == DialectPreview {
		return checkPreview(r)
	}
	return checkGA(r)
}

func (s *Server) authorised(r *http.Request) bool {
	if s.opts.RequireKey == "" {
		return true
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	for _, key := range []string{bearer, r.Header.Get("api-key"), r.URL.Query().Get("api-key")} {
		if subtle.ConstantTimeCompare([]byte(key), []byte(s.opts.RequireKey)) == 1 {
			return true
		}
	}
	return false
}

func checkGA(r *http.Request) (upgrade, *httpProblem) {
	q := r.URL.Query()
	up := upgrade{path: r.URL.Path, model: q.Get("model")}
	switch {
	case up.path != pathOpenAI && up.path != pathAzureGA:
		return up, &httpProblem{http.StatusNotFound, "not_found", "Resource not found."}
	case up.path == pathAzureGA && q.Has("api-version"):
		return up, &httpProblem{http.StatusUnauthorized, "api_version", "api-version query parameter is not allowed when using /v1 path."}
	case up.model == "":
		return up, &httpProblem{http.StatusBadRequest, "missing_model", "You must provide a model parameter."}
	}
	if r.Header.Get("OpenAI-Beta") != "" {
		up.shape = refuse(codeBetaShape, "", "The beta shape of the Realtime API is disabled. Remove the OpenAI-Beta header.")
	}
	return up, nil
}

func checkPreview(r *http.Request) (upgrade, *httpProblem) {
	q := r.URL.Query()
	up := upgrade{path: r.URL.Path, model: q.Get("model")}
	switch up.path {
	case pathOpenAI:
		if r.Header.Get("OpenAI-Beta") != "realtime=v1" {
			up.shape = refuse(codeInvalidBeta, "", "The header 'OpenAI-Beta: realtime=v1' is required here.")
		}
	case pathAzurePreview:
		up.model = q.Get("deployment")
		if q.Get("api-version") == "" {
			return up, &httpProblem{http.StatusNotFound, "not_found", "Missing api-version query parameter."}
		}
	default:
		return up, &httpProblem{http.StatusNotFound, "not_found", "Resource not found."}
	}
	if up.model == "" {
		return up, &httpProblem{http.StatusBadRequest, "missing_model", "The model or deployment is missing from the address."}
	}
	return up, nil
}
