package configs_test

import (
	"errors"
	"fmt"

	"github.com/trunkline/trunkline/configs"
)

func ExampleParse() {
	file := `version: 1
trunks:   [ { name: carrier, sources: [203.0.113.0/24] } ]
routes:   [ { to: "*", agent: frontdesk } ]
realtime: [ { name: main, provider: openai, api_key: "${OPENAI_API_KEY}" } ]
agents:   [ { name: frontdesk, realtime: main, voice: marin, instructions: "You are the front desk of Acme." } ]
`
	c, err := configs.Parse("trunkline.yaml", []byte(file), configs.Options{
		Env:       []string{"OPENAI_API_KEY=sk-0123", "TRUNKLINE_LIMITS_CALLS=20"},
		Overrides: map[string]string{"agents.frontdesk.voice": "cedar"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range c.Settings() {
		switch s.Path {
		case "limits.calls", "limits.calls_per_second", "realtime[main].api_key", "agents[frontdesk].voice":
			fmt.Printf("%s = %s (%s)\n", s.Path, s.Value, s.Source)
		}
	}
	// Output:
	// limits.calls = 20 (environment TRUNKLINE_LIMITS_CALLS)
	// limits.calls_per_second = 50 (default)
	// realtime[main].api_key = *** (trunkline.yaml:4:54)
	// agents[frontdesk].voice = cedar (flag agents.frontdesk.voice)
}

func ExampleFaults() {
	file := `version: 1
sip: { listen: ["sctp://0.0.0.0:5060"], strangrs: ignore }
trunks:   [ { name: carrier, sources: [203.0.113.0/24] } ]
routes:   [ { to: "*", agent: frontdsek } ]
realtime: [ { name: main, provider: azure, resource: acme } ]
agents:   [ { name: frontdesk, realtime: main } ]
`
	_, err := configs.Parse("trunkline.yaml", []byte(file), configs.Options{})
	var faults configs.Faults
	if errors.As(err, &faults) {
		fmt.Println(len(faults), "faults")
	}
	fmt.Println(err)
	// Output:
	// 4 faults
	// trunkline.yaml:2:17: sip.listen[0]: must be udp://, tcp:// or tls:// and an address to listen on, such as udp://0.0.0.0:5060, not "sctp://0.0.0.0:5060"
	// trunkline.yaml:2:41: sip.strangrs: is not a key; did you mean "strangers"?
	// trunkline.yaml:4:31: routes[0].agent: no agent is named "frontdsek"; did you mean "frontdesk"?
	// trunkline.yaml:5:13: realtime[main].deployment: is missing; write the name that the model was deployed under
}
