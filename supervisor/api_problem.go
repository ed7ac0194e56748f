package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/trunkline/trunkline/store"
)

// problem is a refusal as RFC 9457 has it: what is wrong, where, and what helps.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Place  string `json:"place,omitzero"`  // the parameter, the member of the body, or the part that failed
	Remedy string `json:"remedy,omitzero"` // what to do
}

func (p *problem) Error() string { return p.Detail }

// bad is a fault of the request.
func bad(place, detail, remedy string) error {
	return &problem{Status: http.StatusBadRequest, Detail: detail, Place: place, Remedy: remedy}
}

// problemOf says what an error means to who asked. What the store says of itself stays here: it may name hosts.
func problemOf(err error) *problem {
	var p *problem
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, store.ErrNotFound):
		return &problem{Status: http.StatusNotFound, Detail: "there is no such call here, or no longer", Place: "id",
			Remedy: "GET " + apiPrefix + "calls lists the calls that you may see"}
	case errors.Is(err, store.ErrInvalid):
		return &problem{Status: http.StatusBadRequest, Detail: err.Error(), Place: "request", Remedy: "correct what it names"}
	case errors.As(err, &long):
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body is longer than %d bytes", long.Limit),
			Place: "body", Remedy: "send less"}
	case errors.Is(err, ErrElsewhere):
		return &problem{Status: http.StatusConflict, Detail: ErrElsewhere.Error(), Place: "call", Remedy: "ask the node that holds it: the record names it, unless the call is over"}
	case errors.Is(err, ErrRefused):
		return &problem{Status: http.StatusConflict, Detail: err.Error(), Place: "call", Remedy: "GET " + apiPrefix + "calls/{id}/actions says what is possible"}
	}
	return &problem{Status: http.StatusServiceUnavailable, Detail: "the store of the transcripts does not answer as it should", Place: "store",
		Remedy: "try again; the log of the service says more"}
}

// refuse answers with a problem.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		a.Log.Warn("a request to the API failed", "route", r.Pattern, "status", p.Status, "err", err)
		w.Header().Set("Retry-After", "2")
	}
	p.write(w)
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	out := *p
	out.Title = http.StatusText(p.Status)
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings and a number
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Content-Disposition")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n')) // who does not wait for the answer does not get it
}
