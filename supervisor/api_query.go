package supervisor

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/trunkline/trunkline/store"
)

// filters are the parameters that choose calls.
var filters = []string{"from", "to", "agent", "caller", "dialled", "tag", "ended_by", "cause", "min_duration", "max_duration", "live"}

// queryOf reads the filters, the limit and the cursor, and keeps the user to the agents they may see. Errors name the
// parameter.
func queryOf(r *http.Request) (store.Query, error) {
	p := params{Values: r.URL.Query()}
	q := store.Query{
		From: p.moment("from"), To: p.moment("to"), Caller: p.Get("caller"), Dialled: p.Get("dialled"), Tag: p.tag(),
		EndedBy: p.Get("ended_by"), Cause: p.Get("cause"), Live: p.yes("live"),
		MinDuration: p.duration("min_duration"), MaxDuration: p.duration("max_duration"),
		Limit: p.number("limit", store.DefaultPage, store.MaxPage), Cursor: p.Get("cursor"),
	}
	if _, _, err := store.ParseCursor(q.Cursor); err != nil {
		p.fail("cursor", "it is none of ours", "use next of the page before as it was given")
	}
	q.Agent, q.Agents = agentsOf(userOf(r.Context()), p.Values["agent"])
	return q, p.err
}

// agentsOf joins what the user asks for with what they may see. One agent alone has an index.
func agentsOf(u *User, asked []string) (agent string, agents []string) {
	asked = slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return name == "" })
	if len(asked) == 0 {
		return "", u.Agents
	}
	seen := slices.DeleteFunc(asked, func(name string) bool { return !u.Sees(name) })
	if len(seen) == 1 {
		return seen[0], u.Agents
	}
	return "", append([]string{}, seen...)
}

// params reads parameters and keeps the first fault.
type params struct {
	url.Values
	err error
}

func (p *params) fail(name, detail, remedy string) {
	if p.err == nil {
		p.err = bad(name, detail, remedy)
	}
}

// moment is RFC 3339, or a day, which is its beginning in UTC.
func (p *params) moment(name string) time.Time {
	text := p.Get(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1970 {
			return at
		}
	}
	p.fail(name, "it is no time", "write it as 2026-11-25 or 2026-11-25T08:15:00Z")
	return time.Time{}
}

func (p *params) duration(name string) time.Duration {
	text := p.Get(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.fail(name, "it is no duration", "write it with its unit, as 90s or 2m")
	}
	return d
}

// number is between 1 and most; without the parameter it is usual.
func (p *params) number(name string, usual, most int) int {
	text := p.Get(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		p.fail(name, "it is no number in the range", "use 1 to "+strconv.Itoa(most))
	}
	return n
}

func (p *params) yes(name string) bool {
	text := p.Get(name)
	if text != "" && text != "true" && text != "false" {
		p.fail(name, "it is neither true nor false", "write true or false")
	}
	return text == "true"
}

func (p *params) tag() string {
	tag := p.Get("tag")
	if tag != "" && !store.ValidTag(tag) {
		p.fail("tag", "it cannot be a tag", "tags are letters a to z, digits, _ and -")
	}
	return tag
}
