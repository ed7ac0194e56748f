package supervisor

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// maxJSON is how long the body of a request may be, in bytes.
const maxJSON = 64 << 10

// body reads a JSON object. Members that are not known are refused: a misspelt one would be silently without effect.
func body(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &problem{Status: http.StatusUnsupportedMediaType, Detail: "the body is not said to be JSON", Place: "Content-Type", Remedy: "send application/json"}
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return bodyFault(err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return bodyFault(errors.New("something stands behind the object"))
	}
	return nil
}

func bodyFault(err error) error {
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return err
	}
	return bad("body", err.Error(), "send one JSON object as openapi.json describes it")
}
