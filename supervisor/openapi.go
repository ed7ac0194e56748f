package supervisor

import (
	_ "embed"
	"net/http"
)

// openapiJSON describes the API in OpenAPI 3.1. The tests hold it to the routes and to their answers.
//
//go:embed openapi.json
var openapiJSON []byte

func (a *api) openAPI(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapiJSON) // who does not wait for it does not get it
	return nil
}
