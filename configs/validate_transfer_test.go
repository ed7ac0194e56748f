package configs

import (
	"strings"
	"testing"
)

// A destination that nobody could reach is said when the file is read, and not when a caller waits.
func TestDestinationsThatCannotBeReached(t *testing.T) {
	c, err := Parse("t.yaml", []byte(`version: 1
trunks:
  - { name: bare, sources: [192.0.2.1] }
  - { name: listed, sources: [192.0.2.2], transfers: ["+4930*"] }
  - { name: whole, sources: [192.0.2.3], dials: ["+4930*"], server: "sip:192.0.2.3" }
routes: [ { to: "*", trunk: bare, agent: a }, { to: "*", trunk: listed, agent: b }, { to: "*", agent: c } ]
realtime: [ { name: m, url: "wss://example.com" } ]
agents:
  - { name: a, realtime: m, greeting: AI, instructions: x, transcription: &t { model: w }, transfers: [ { name: d, to: "+49301" }, { name: e, to: "+49302", attended: true } ] }
  - { name: b, realtime: m, greeting: AI, instructions: x, transcription: *t, transfers: [ { name: d, to: "+49301" }, { name: e, to: "+49302", attended: true } ] }
  - { name: c, realtime: m, greeting: AI, instructions: x, transcription: *t, transfers: [ { name: e, to: "+49302", attended: true, trunk: whole } ] }
`), Options{Env: []string{"NONE=1"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings() {
		_, text, _ := strings.Cut(w.Error(), " ")
		got = append(got, text)
	}
	want := []string{
		`agents[a].transfers[d].to: is not allowed to calls of trunk "bare"; add it to its transfers`,
		`agents[a].transfers[e].to: may not be called over trunk "bare"; add it to its dials`,
		`agents[b].transfers[e].to: may not be called over trunk "listed"; add it to its dials`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
