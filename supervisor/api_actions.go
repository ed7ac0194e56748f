package supervisor

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/trunkline/trunkline/store"
)

// possible is what can be done to a call now.
type possible struct {
	Here     bool     `json:"here"`     // the call runs on this node, and can be acted on through it
	Node     string   `json:"node"`     // that holds or held it
	Targets  []string `json:"targets"`  // where it can be transferred to
	Silenced bool     `json:"silenced"` // the model is off the call
}

func (a *api) actions(w http.ResponseWriter, r *http.Request) error {
	c, err := a.see(r)
	if err != nil {
		return err
	}
	out := possible{Node: c.Node, Targets: []string{}}
	if a.Live != nil && a.Live.Holds(c.ID) {
		out.Here, out.Silenced = true, a.Live.Silenced(c.ID)
		out.Targets = append(out.Targets, a.Live.Targets(c.ID)...)
	}
	return answerJSON(w, http.StatusOK, out)
}

// actPatience is how long an action may take. A transfer rings at somebody's phone.
const actPatience = 2 * time.Minute

// act does something to a running call, after it is in the audit list. What was begun goes on when who asked has left:
// half a transfer helps nobody.
func (a *api) act(w http.ResponseWriter, r *http.Request, c *store.Call, action, detail string, do func(context.Context, Live, string) error) error {
	if err := a.record(r, action, c, detail); err != nil {
		return err
	}
	if a.Live == nil {
		return ErrElsewhere
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actPatience)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(actPatience + writePatience)) // without one it may take as long anyway
	if err := do(ctx, a.Live, userOf(ctx).Name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) hangup(w http.ResponseWriter, r *http.Request) error {
	c, err := a.see(r)
	if err != nil {
		return err
	}
	return a.act(w, r, c, "hang_up", "", func(ctx context.Context, l Live, by string) error { return l.Hangup(ctx, c.ID, by) })
}

type transferBody struct {
	Target string `json:"target"`
}

func (a *api) transfer(w http.ResponseWriter, r *http.Request) error {
	var in transferBody
	if err := body(w, r, &in); err != nil {
		return err
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	if a.Live == nil || !a.Live.Holds(c.ID) {
		return ErrElsewhere
	}
	if !slices.Contains(a.Live.Targets(c.ID), in.Target) { // nor is what is no name of ours put into the audit list
		return bad("target", "the call cannot be transferred there", "GET "+apiPrefix+"calls/{id}/actions lists the targets")
	}
	return a.act(w, r, c, "transfer", in.Target, func(ctx context.Context, l Live, by string) error {
		return l.Transfer(ctx, c.ID, in.Target, by)
	})
}

func (a *api) tell(w http.ResponseWriter, r *http.Request) error {
	c, text, err := a.remark(w, r)
	if err != nil {
		return err
	}
	return a.act(w, r, c, "tell", "", func(ctx context.Context, l Live, by string) error { return l.Tell(ctx, c.ID, text, by) })
}

type silenceBody struct {
	Off *bool `json:"off"` // a wish that is not said is none
}

func (a *api) silence(w http.ResponseWriter, r *http.Request) error {
	var in silenceBody
	if err := body(w, r, &in); err != nil {
		return err
	}
	if in.Off == nil {
		return bad("off", "it is not said", "true takes the model off the call, false puts it back")
	}
	c, err := a.see(r)
	if err != nil {
		return err
	}
	action := "put_back"
	if *in.Off {
		action = "take_off"
	}
	return a.act(w, r, c, action, "", func(ctx context.Context, l Live, by string) error { return l.Silence(ctx, c.ID, *in.Off, by) })
}
