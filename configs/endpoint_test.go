package configs

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// TestEndpoint holds address and headers of each provider and dialect to what the services document.
func TestEndpoint(t *testing.T) {
	bearer := http.Header{"Authorization": {"Bearer KEY"}}
	azure := http.Header{"Api-Key": {"KEY"}}
	for _, tt := range []struct {
		name, entry, want string
		headers           http.Header
	}{
		{"openai", "provider: openai", "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1", bearer},
		{"openai, model", "provider: openai, model: gpt-realtime-1.5", "wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5", bearer},
		{"openai, region", `provider: openai, endpoint: "https://eu.api.openai.com/"`, "wss://eu.api.openai.com/v1/realtime?model=gpt-realtime-2.1", bearer},
		{"openai, preview", "provider: openai, dialect: preview, model: m", "wss://api.openai.com/v1/realtime?model=m",
			http.Header{"Authorization": {"Bearer KEY"}, "Openai-Beta": {"realtime=v1"}}},
		{"azure", "provider: azure, resource: res, deployment: d 1&2", "wss://res.openai.azure.com/openai/v1/realtime?model=d+1%262", azure},
		{"azure, host", `provider: azure, endpoint: "https://res.cognitiveservices.azure.com", deployment: d`,
			"wss://res.cognitiveservices.azure.com/openai/v1/realtime?model=d", azure},
		{"azure, gateway", `provider: azure, endpoint: "http://127.0.0.1:8080/aoai/", deployment: d`,
			"ws://127.0.0.1:8080/aoai/openai/v1/realtime?model=d", azure},
		{"azure, preview", "provider: azure, dialect: preview, resource: res, deployment: d",
			"wss://res.openai.azure.com/openai/realtime?api-version=2024-10-01-preview&deployment=d", azure},
		{"azure, other version", "provider: azure, dialect: preview, resource: res, deployment: d, api_version: 2025-04-01-preview",
			"wss://res.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d", azure},
		{"url", `url: "wss://h:1/v1/realtime"`, "wss://h:1/v1/realtime", bearer},
		{"url, model", `url: "ws://127.0.0.1:1/x%2Fy?a=b%20c", model: "m/1"`, "ws://127.0.0.1:1/x%2Fy?a=b%20c&model=m%2F1", bearer},
		{"url with a model", `url: "ws://127.0.0.1:1/?model=own", model: m`, "ws://127.0.0.1:1/?model=own", bearer},
		{"url, preview", `url: "ws://127.0.0.1:1/", dialect: preview`, "ws://127.0.0.1:1/",
			http.Header{"Authorization": {"Bearer KEY"}, "Openai-Beta": {"realtime=v1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parseWith(t, "realtime:\n  - { name: main, api_key: KEY, "+tt.entry+" }\n")
			got, headers, err := c.Realtime[0].Endpoint()
			if err != nil || got != tt.want || !reflect.DeepEqual(headers, tt.headers) {
				t.Errorf("got %s %v %v\nwant %s %v", got, headers, err, tt.want, tt.headers)
			}
		})
	}
}

func TestEndpointWithoutKey(t *testing.T) {
	c := parseWith(t, "log: { level: info }")
	if _, headers, err := c.Realtime[0].Endpoint(); err != nil || len(headers) != 0 {
		t.Errorf("got %v, %v", headers, err)
	}
}

// TestEndpointOfABadEntry: errors, not addresses that cannot work, and no secrets in them.
func TestEndpointOfABadEntry(t *testing.T) {
	for _, r := range []Realtime{
		{Name: "a"},
		{Name: "b", URL: NewURL("redis://:hunter2@h")},
		{Name: "c", URL: NewURL("wss://u:hun/ter2@h")},
		{Name: "d", Provider: Azure, Resource: "r"},
		{Name: "e", Provider: Azure, Resource: "a b", Deployment: "d"},
		{Name: "f", Provider: OpenAI, Base: NewURL("hunter2")},
	} {
		address, _, err := r.Endpoint()
		if err == nil || address != "" {
			t.Errorf("%s: got %s", r.Name, address)
		} else if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), `realtime "`+r.Name+`"`) {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
}
