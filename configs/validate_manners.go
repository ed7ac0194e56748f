package configs

import (
	"slices"
	"strings"
	"time"
)

// manners checks how an agent behaves in a call.
func (k *checker) manners(a *Agent, key string) {
	td := &a.TurnDetection
	switch {
	case td.InterruptResponse != nil && *td.InterruptResponse && a.Interruption.used():
		k.fault(key+".turn_detection.interrupt_response", "lets the service stop the agent before interruption is looked at; remove it, or remove interruption")
	case td.CreateResponse != nil && *td.CreateResponse:
		k.warn(key+".turn_detection.create_response", "saves a round trip, but an answer of the service may collide with one that Trunkline asks for; better leave it out")
	}
	if td.Type == NoVAD {
		k.warn(key+".turn_detection.type", "is none: what the caller says gets no answer, only keys and tools make this agent speak")
	}
	if td.IdleTimeoutMS != nil && a.Idle.After > 0 {
		k.fault(key+".turn_detection.idle_timeout_ms", "is given beside idle.after, and both would speak to a silent caller; remove one")
	}
	if first := duplicate(a.Interruption.Protect); first != "" {
		k.fault(key+".interruption.protect", "names %s twice; remove one", first)
	}
	if age := a.Rotate.Age; age > 0 && age < minRotateAge {
		k.fault(key+".rotate.age", "must be 0s, or 1m or more, not %s", age)
	}
	k.warning(a, key)
	k.handOff(a, key+".hand_off")
	k.destinations(a, key+".transfers")
	k.fallback(a, key+".fallback.transfer")
}

// minRotateAge keeps a session longer than a new one takes to be warm.
const minRotateAge = Duration(time.Minute)

// warning checks that the caller is told before the end and not at the beginning.
func (k *checker) warning(a *Agent, key string) {
	limit, name := k.Limits.CallDuration, "limits.call_duration"
	if a.MaxDuration > 0 && a.MaxDuration < limit {
		limit, name = a.MaxDuration, "max_duration"
	}
	if w := a.MaxDurationWarning; w > 0 && limit > 0 && w >= limit {
		k.fault(key+".max_duration_warning", "is %s and the call ends after %s (%s); write a shorter time", w, limit, name)
	}
}

// handOff checks whom the agent may hand its calls to.
func (k *checker) handOff(a *Agent, key string) {
	for i, name := range a.HandOff {
		at := element(key, i)
		if name == a.Name {
			k.fault(at, "is the agent itself; name another, or remove it")
			continue
		}
		k.reference(at, "agent", name, others(k.agents, a.Name))
		if slices.Index(a.HandOff, name) < i {
			k.fault(at, "%s is named twice; remove one", quote(name))
		}
	}
}

// fallback checks the target of the transfer, and that it will be allowed when it is needed.
func (k *checker) fallback(a *Agent, key string) {
	target := a.Fallback.Transfer
	if target == "" {
		return
	}
	if !validTarget(target) {
		k.fault(key, "must be a number such as +4930123456, or a SIP URI such as sip:desk@pbx.example")
		return
	}
	for i := range k.Trunks {
		t := &k.Trunks[i]
		if k.leads(t.Name, a.Name) && !t.MayTransfer(target) {
			k.warn(key, "is not allowed to calls of trunk %q, which will be ended instead; add it to its transfers", t.Name)
		}
	}
}

// leads reports whether calls of a trunk can come to an agent: by a route, or from an agent that hands them on.
func (k *checker) leads(trunk, agent string) bool {
	var reached []string
	for _, r := range k.Routes {
		if r.Trunk == "" || r.Trunk == trunk {
			reached = append(reached, r.Agent)
		}
	}
	for i := 0; i < len(reached); i++ {
		if reached[i] == agent {
			return true
		}
		if a := k.Agent(reached[i]); a != nil && !slices.Contains(reached[:i], a.Name) {
			reached = append(reached, a.HandOff...)
		}
	}
	return false
}

// trunkLists checks what calls of a trunk may bring along and where they may go.
func (k *checker) trunkLists() {
	for i, t := range k.Trunks {
		key := element("trunks", i)
		if len(t.Headers) > maxHeaders {
			k.fault(key+".headers", "has %d names, and at most %d are kept of a call; remove some", len(t.Headers), maxHeaders)
		}
		for j, h := range t.Headers {
			same := func(other HeaderName) bool { return strings.EqualFold(string(other), string(h)) }
			if slices.IndexFunc(t.Headers, same) < j {
				k.fault(element(key+".headers", j), "%s is named twice; remove one", quote(string(h)))
			}
		}
		for j, target := range t.Transfers {
			k.targets(target, element(key+".transfers", j), "lets a model send callers anywhere")
		}
	}
}

// maxHeaders bounds what is kept of each call.
const maxHeaders = 16

// targets checks an entry of transfers or dials; risk is what follows from one that leaves everything open.
func (k *checker) targets(target, key, risk string) {
	switch {
	case !validTargets(target):
		k.fault(key, "must be a number such as +4930123456, a SIP URI such as sip:desk@pbx.example, or the beginning of one such as +49*")
	case anywhere(target):
		k.warn(key, "%s, at your expense; name the numbers or hosts, or how they begin", risk)
	}
}

// duplicate is the first name that comes twice, or "".
func duplicate(names []string) string {
	for i, name := range names {
		if slices.Index(names, name) < i {
			return name
		}
	}
	return ""
}

func others(names []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == one })
}
