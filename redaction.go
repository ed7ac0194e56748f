package trunkline

import (
	"slices"
	"sync"

	"github.com/trunkline/trunkline/agent"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/redact"
)

// journal is how calls are written down: personal data is taken out before anybody sees a line, the store, its spool and
// whoever watches alike.
//
//	agent ──► journal: redact ──► store.Writer
//	                      └─────► tap
type journal struct {
	// Static.
	writer *store.Writer
	tap    func(callID string, entries []store.Entry) // nil: nobody watches
	rules  map[string]redact.Rules                    // by agent

	mu    sync.Mutex
	calls map[string]*redacted // that run, by call id
}

// redacted is one call's memory of numbers that were said in part. Its lock also keeps lines in the order in which they
// were looked at: tools write beside the conversation.
type redacted struct {
	mu   sync.Mutex
	call *redact.Call // guarded by mu
}

var _ agent.Journal = (*journal)(nil)

func newJournal(w *store.Writer, cfg *configs.Config, tap func(string, []store.Entry)) *journal {
	j := &journal{writer: w, tap: tap, rules: map[string]redact.Rules{}, calls: map[string]*redacted{}}
	for _, a := range cfg.Agents {
		has := func(what string) bool { return slices.Contains(a.Redact, what) }
		j.rules[a.Name] = redact.Rules{Cards: has("cards"), IBANs: has("ibans"), SSNs: has("ssns"), Emails: has("emails"), Phones: has("phones")}
	}
	return j
}

// rulesOf are those of an agent; everything is taken out where nobody said what.
func (j *journal) rulesOf(agent string) redact.Rules {
	if r, ok := j.rules[agent]; ok {
		return r
	}
	return redact.Default()
}

// Begin writes the beginning of a call, which keeps the rules of its agent to its end. Those of whoever it is handed to
// come in addition: what one of them must not keep is not kept.
func (j *journal) Begin(c store.Call) {
	j.mu.Lock()
	j.calls[c.ID] = &redacted{call: j.rulesOf(c.Agent).Call()}
	j.mu.Unlock()
	j.writer.Begin(c)
}

// Append writes lines of a transcript.
func (j *journal) Append(callID string, entries ...store.Entry) {
	r := j.of(callID)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range entries {
		if e := &entries[i]; e.Kind == store.KindHandOff {
			r.call.Also(j.rulesOf(e.Text))
		}
	}
	entries = r.call.Entries(entries)
	j.writer.Append(callID, entries...)
	if j.tap != nil {
		j.tap(callID, entries)
	}
}

// Finish writes the end of a call. Why it ended may be in the words of the model.
func (j *journal) Finish(c store.Call) {
	r := j.of(c.ID)
	j.mu.Lock()
	delete(j.calls, c.ID)
	j.mu.Unlock()
	r.mu.Lock()
	c.Cause = r.call.Text(c.Cause)
	r.mu.Unlock()
	j.writer.Finish(c)
}

// of finds the memory of a call. Lines of one that is over are looked at by themselves.
func (j *journal) of(callID string) *redacted {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.calls[callID]; r != nil {
		return r
	}
	return &redacted{call: redact.Default().Call()}
}
