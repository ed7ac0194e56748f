package agent

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store"
)

// order is one function call of the model, as the server has it, with all that became of it.
type order struct {
	simulator.Call
	link   int
	status string // of its response
	audio  time.Duration
	learnt time.Time // when the conversation got its response.done; zero: never
	policy bankTool
	visits []*visit
	called []store.Entry
	result []store.Entry
	ledger []store.Entry
}

// judge says what was wrong with the effects and the outputs.
func (s *storm) judge() (problems []string) {
	s.all = s.orders()
	known := map[string]bool{}
	for _, o := range s.all {
		known[o.CallID] = true
		for _, p := range slices.Concat(s.started(o), s.answered(o), s.effects(o), booked(o, s.over), s.turnHeard(o)) {
			problems = append(problems, fmt.Sprintf("%s of a %s response, %s %s: %s", o.CallID, o.status, o.Name, o.Arguments, p))
		}
	}
	for _, v := range s.bank.visits {
		if !known[v.callID] {
			problems = append(problems, fmt.Sprintf("%s ran for %q, which the model never called", v.tool, v.callID))
		}
	}
	return append(problems, s.repeated()...)
}

// orders are the calls of all sessions.
func (s *storm) orders() (all []*order) {
	for link, r := range s.records {
		status, audio := map[string]string{}, map[string]time.Duration{}
		for _, resp := range r.Responses {
			status[resp.ID] = resp.Status
		}
		for _, sp := range r.Spoken {
			audio[sp.ResponseID] += time.Duration(sp.Bytes) * time.Millisecond / 8
		}
		for _, c := range r.Calls {
			if c.Replayed {
				s.moved++
				continue
			}
			o := &order{Call: c, link: link, status: status[c.ResponseID], audio: audio[c.ResponseID], policy: policyOf[c.Name]}
			if _, got := s.dones[c.ResponseID]; got {
				o.learnt = s.seen.done[c.ResponseID].at
			}
			s.recorded(o)
			all = append(all, o)
		}
	}
	return all
}

func (s *storm) recorded(o *order) {
	for _, v := range s.bank.visits {
		if v.callID == o.CallID {
			o.visits = append(o.visits, v)
		}
	}
	for _, e := range s.journal.entries {
		switch {
		case e.CallID != o.CallID:
		case e.Kind == store.KindToolCall:
			o.called = append(o.called, e)
		case e.Kind == store.KindToolResult:
			o.result = append(o.result, e)
		case e.Kind == store.KindEffect:
			o.ledger = append(o.ledger, e)
		}
	}
}

// started: calls run from whole responses that were still wanted, all of them and no others.
func (s *storm) started(o *order) (problems []string) {
	due := o.status == "completed" && !o.learnt.IsZero() && !s.seen.deleted[o.ItemID]
	replaced := o.link+1 < len(s.seen.opened) && !s.seen.opened[o.link+1].After(o.learnt) // its response may have been left
	switch {
	case len(o.called) > 1:
		problems = append(problems, fmt.Sprintf("taken %d times", len(o.called)))
	case len(o.called) == 1 && !due:
		problems = append(problems, "taken although it must not run")
	case len(o.called) == 0 && due && !replaced && o.learnt.Before(s.over):
		problems = append(problems, "forgotten")
	}
	if len(o.visits) > 1 {
		problems = append(problems, fmt.Sprintf("ran %d times", len(o.visits)))
	}
	for _, v := range o.visits {
		if !due || len(o.called) == 0 {
			problems = append(problems, "ran although it must not")
		} else if v.began.Before(o.learnt) {
			problems = append(problems, "ran before its response was done")
		}
	}
	return problems
}

// answered: one output on the wire, or one line in what the next session is told.
func (s *storm) answered(o *order) (problems []string) {
	outputs := s.seen.outputs[o.CallID]
	switch {
	case len(outputs) > 1:
		return []string{fmt.Sprintf("answered %d times: %v", len(outputs), outputs)}
	case len(o.result) > 1:
		return []string{fmt.Sprintf("%d results in the record", len(o.result))}
	case len(o.called) == 0 && len(outputs)+len(o.result) > 0:
		return []string{"answered, and never taken"}
	case len(o.called) == 0 || s.endedItself:
		return nil
	case len(o.result) == 0:
		return []string{"has no result"}
	}
	result := o.result[0].Result
	recounted := s.seen.toldOf(o.link, "("+o.Name+" returned "+result+")") + s.seen.toldOf(0, "(the beginning is left out)")
	later := s.seen.toldOf(o.link, "(The result of "+o.Name+", which you called before with "+o.Arguments+": "+result+")")
	early := len(outputs) == 1 && outputs[0].text != result
	switch {
	case early && (outputs[0].text != laterOutput || !o.policy.later):
		problems = append(problems, "was answered "+outputs[0].text+", its result is "+result)
	case early && later == 0 && recounted == 0:
		problems = append(problems, "its result in the background was never told")
	case len(outputs) == 0 && recounted+later == 0:
		problems = append(problems, "was answered neither by an output nor in words")
	}
	if early && later > 0 {
		s.later++
	}
	if len(outputs) == 0 {
		s.recounted++
	}
	return problems
}

var doneText = regexp.MustCompile(`done #(\d+)\.`)

// effects: what the model was told is what happened.
func (s *storm) effects(o *order) (problems []string) {
	if len(o.result) == 0 {
		return nil
	}
	s.runs += len(o.visits)
	result := o.result[0].Result
	if m := doneText.FindStringSubmatch(result); m != nil {
		return s.truthful(o, m[1])
	}
	none := strings.Contains(result, "nothing was done") || strings.Contains(result, "being done already") || o.result[0].Status == "invalid" ||
		o.policy.name == "" && o.result[0].Status == "unknown"
	switch {
	case strings.Contains(result, "because the caller spoke"):
		s.cancelled++
	case strings.Contains(result, "being done already"):
		s.rejected++
		if !o.policy.rejects || !s.same(o, worked) {
			problems = append(problems, "rejected for nothing")
		}
	}
	switch {
	case none && len(o.visits) > 0:
		problems = append(problems, "ran, and the model was told "+result)
	case !none && len(o.visits) == 0 && !(o.policy.shares && s.same(o, gave(result))):
		problems = append(problems, "did not run, and the model was told "+result)
	}
	return problems
}

// truthful checks a success: it names the very effect.
func (s *storm) truthful(o *order, number string) []string {
	n, _ := strconv.Atoi(number)
	switch v := s.bank.visits[n]; {
	case effectKey(v.tool, fmt.Sprintf(`{"n":%q}`, v.n)) != effectKey(o.Name, o.Arguments):
		return []string{"got the result of another tool: " + v.tool + " " + v.n}
	case v.callID != o.CallID && !o.policy.shares:
		return []string{"got the result of " + v.callID}
	case v.callID != o.CallID:
		s.shared++
		if len(o.visits) > 0 && !v.began.After(o.visits[0].began) {
			return []string{"ran, and got the result of " + v.callID}
		}
	}
	return nil
}

// same finds another call for the same work that was open when o came, or when it had its result.
func (s *storm) same(o *order, fits func(*order) bool) bool {
	return slices.ContainsFunc(s.all, func(x *order) bool {
		return x != o && len(x.called) > 0 && effectKey(x.Name, x.Arguments) == effectKey(o.Name, o.Arguments) &&
			!x.learnt.After(o.result[0].At) && (len(x.result) == 0 || !x.result[0].At.Before(o.learnt)) && fits(x)
	})
}

// gave reports that a call has that result.
func gave(result string) func(*order) bool {
	return func(x *order) bool { return len(x.result) > 0 && x.result[0].Result == result }
}

// worked reports that a call was not turned away.
func worked(x *order) bool { return len(x.result) == 0 || x.result[0].Status != "duplicate" }

// booked: the ledger has the intent before the effect and the result behind it, and nothing else.
func booked(o *order, over time.Time) []string {
	if len(o.ledger) == 0 && (len(o.visits) == 0 || !o.policy.acts) {
		return nil
	}
	if len(o.ledger) != 2 || o.ledger[0].Status != effectBegun || o.ledger[1].Status == effectBegun || !o.policy.acts {
		return []string{fmt.Sprintf("has %d lines in the ledger: %+v", len(o.ledger), o.ledger)}
	}
	intent, end := o.ledger[0], o.ledger[1]
	if len(o.visits) == 0 {
		if end.Status == "ok" {
			return []string{"is booked and never ran"}
		}
		return nil
	}
	v := o.visits[0]
	switch {
	case !v.expired.IsZero() && v.expired.Before(over) && v.expired.Before(o.ledger[0].At.Add(bankTimeout)):
		return []string{"was cut off although it must finish"}
	case intent.At.After(v.began) || end.At.Before(v.letGo()):
		return []string{"is not booked around its run"}
	case (end.Status == "ok") != (v.succeeded && !v.letGo().Before(v.ended)):
		return []string{fmt.Sprintf("is booked as %s, succeeded: %v", end.Status, v.succeeded)}
	case len(o.result) == 1 && o.result[0].Result != end.Result:
		return []string{"has one result in the ledger and another in the record"}
	}
	return nil
}

// turnHeard: what waits for the end of the turn began only when all the sound of its response can have been heard.
func (s *storm) turnHeard(o *order) []string {
	if !o.policy.waits || len(o.visits) == 0 || o.audio == 0 {
		return nil
	}
	s.waited++
	if earliest := s.seen.sound[o.ResponseID].Add(o.audio - frameTime); o.visits[0].began.Before(earliest) {
		return []string{fmt.Sprintf("ran %s before the turn was heard", earliest.Sub(o.visits[0].began))}
	}
	return nil
}

// repeated: the same work done twice where it must not be.
func (s *storm) repeated() (problems []string) {
	for i, v := range s.bank.visits {
		p := policyOf[v.tool]
		for _, past := range s.bank.visits[:i] {
			same := past.tool == v.tool && past.n == v.n
			switch {
			case (past.key == v.key) != (same && p.once):
				problems = append(problems, fmt.Sprintf("%s of %s and %s of %s share a key or should", past.tool, past.callID, v.tool, v.callID))
			case same && p.once && past.succeeded && !past.letGo().Before(past.ended):
				problems = append(problems, fmt.Sprintf("%s %s was done by %s and again by %s", v.tool, v.n, past.callID, v.callID))
			case same && (p.shares || p.rejects) && v.began.Before(past.letGo()):
				problems = append(problems, fmt.Sprintf("%s %s ran for %s while it ran for %s", v.tool, v.n, v.callID, past.callID))
			}
		}
	}
	return problems
}
