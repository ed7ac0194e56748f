package store

import "slices"

// Index is a list of calls that share something, beside the list of all.
type Index string

// The indexes. Their values are part of key names.
const (
	ByAgent   Index = "agent"
	ByCaller  Index = "caller"  // under its [CallerKey]
	ByDialled Index = "dialled" // under its [CallerKey] too: whom a call of ours dialled is a person
	ByTag     Index = "tag"
	ByEnd     Index = "ended_by"
)

// Place is an index and the name in it under which a call is found.
type Place struct {
	Index Index
	Name  string
}

// Places are where a call belongs, the list of all aside. secret is that of [CallerKey].
func Places(c *Call, secret []byte) []Place {
	places := make([]Place, 0, 8)
	add := func(index Index, name string) {
		if name != "" {
			places = append(places, Place{index, name})
		}
	}
	add(ByAgent, c.Agent)
	if c.Caller != "" {
		add(ByCaller, CallerKey(secret, c.Caller))
	}
	if c.Dialled != "" {
		add(ByDialled, CallerKey(secret, c.Dialled))
	}
	for tag := range c.Tags.All() {
		add(ByTag, tag)
	}
	if len(c.EndedBy) <= MaxNameBytes && validName(c.EndedBy) {
		add(ByEnd, c.EndedBy)
	}
	return places
}

// Narrowest are the places that a query is best answered from: one, or those of several agents to be merged. all says
// that it takes the list of all calls; neither, that nothing can match.
func (q *Query) Narrowest(secret []byte) (places []Place, all bool) {
	switch {
	case q.Caller != "":
		return []Place{{ByCaller, CallerKey(secret, q.Caller)}}, false
	case q.Dialled != "":
		return []Place{{ByDialled, CallerKey(secret, q.Dialled)}}, false
	case q.Tag != "":
		return placesOf(ByTag, q.Tag), false
	case q.Agent != "":
		return placesOf(ByAgent, q.Agent), false
	case q.Agents != nil:
		return placesOf(ByAgent, q.Agents...), false
	case q.EndedBy != "":
		return placesOf(ByEnd, q.EndedBy), false
	}
	return nil, true
}

func placesOf(index Index, names ...string) []Place {
	seen := map[string]bool{}
	var places []Place
	for _, name := range names {
		if name != "" && validName(name) && !seen[name] {
			seen[name] = true
			places = append(places, Place{index, name})
		}
	}
	return places
}

// MatchFields are the names of the fields of a record that [Query.Match] looks at for this query, "id" first.
func (q *Query) MatchFields() []string {
	names := []string{"id", "start"}
	for _, need := range []struct {
		yes    bool
		fields []string
	}{
		{q.Agent != "" || q.Agents != nil, []string{"agent"}},
		{q.Caller != "", []string{"caller"}},
		{q.Dialled != "", []string{"dialled"}},
		{q.Tag != "", []string{TagField(q.Tag)}},
		{q.EndedBy != "", []string{"by"}},
		{q.Cause != "", []string{"cause"}},
		{q.MinDuration > 0 || q.MaxDuration > 0, []string{"answer", "end"}},
	} {
		if need.yes {
			names = append(names, need.fields...)
		}
	}
	if q.Live && !slices.Contains(names, "end") {
		names = append(names, "end")
	}
	return names
}

// Picky reports whether the query is likely to refuse much of what its narrowest index holds.
func (q *Query) Picky() bool {
	named := 0
	for _, yes := range []bool{q.Caller != "", q.Dialled != "", q.Tag != "", q.Agent != "", q.Agents != nil, q.EndedBy != ""} {
		if yes {
			named++
		}
	}
	return named > 1 || q.Cause != "" || q.MinDuration > 0 || q.MaxDuration > 0
}
