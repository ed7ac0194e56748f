package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const password = "hunter2"

// guarded is a Config with the password in every place that takes a secret.
func guarded(t *testing.T) *Config {
	t.Helper()
	c := loadReference(t, "NONE=")
	places := 0
	for _, s := range c.slots() {
		v, ok := s.at(true)
		if !ok || !secretTypes[s.typ] {
			continue
		}
		places++
		switch secret := v.Addr().Interface().(type) {
		case *Secret:
			*secret = NewSecret(password)
		case *URL:
			*secret = NewURL("wss://user:" + password + "@example.com/x?model=m&api-key=" + password + "#" + password)
		}
	}
	if places < 10 {
		t.Fatalf("only %d secrets found", places)
	}
	return c
}

// TestSecretsDoNotPrint prints a whole configuration in every way there is.
func TestSecretsDoNotPrint(t *testing.T) {
	c := guarded(t)
	hiding := struct { // fmt does not call methods of fields that are not exported
		service  Realtime
		webhook  Webhook
		redis    *Redis
		services map[string]Realtime
	}{c.Realtime[0], *c.Tools[0].Webhook, c.Store.Redis, map[string]Realtime{"m": c.Realtime[0]}}
	things := []any{c, *c, c.Realtime, c.Realtime[0], &c.Realtime[0], c.Tools, *c.Tools[0].Webhook, *c.Store.Redis, hiding, &hiding,
		c.Realtime[0].APIKey, &c.Realtime[0].APIKey, c.Store.Redis.URL, &c.Store.Redis.URL,
		map[Secret]URL{c.Realtime[0].APIKey: c.Store.Redis.URL}, fmt.Errorf("wrapped: %v", c.Realtime[0].APIKey)}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%t", "%e", "%U", "%T", "%10.3v"} {
			refuse(t, verb, fmt.Sprintf(verb, thing))
		}
		refuse(t, "Sprint", fmt.Sprint(thing)+fmt.Sprintln(thing))
	}
	for _, thing := range things[:8] {
		text, err := json.Marshal(thing)
		if err != nil {
			t.Error(err)
		}
		refuse(t, "JSON", string(text))
		text, err = yaml.Marshal(thing)
		if err != nil {
			t.Error(err)
		}
		refuse(t, "YAML", string(text))
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	c := guarded(t)
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(h)
		log.Info("x", "config", c, "value", *c, "key", c.Realtime[0].APIKey, "url", c.Store.Redis.URL, "pointer", &c.Store.Redis.URL)
		log.With("service", c.Realtime[0]).WithGroup("g").Info("x", slog.Group("h", "redis", *c.Store.Redis))
	}
	refuse(t, "slog", out.String())
	out.Reset()
	if err := c.Explain(&out); err != nil {
		t.Fatal(err)
	}
	refuse(t, "Explain", out.String())
	for _, want := range []string{"***", "wss://user:***@example.com/x?model=m&api-key=***"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Explain lacks %q", want)
		}
	}
	refuse(t, "GoString", c.Realtime[0].APIKey.GoString()+c.Store.Redis.URL.GoString())
	for _, s := range c.Settings() {
		refuse(t, "Settings", fmt.Sprint(s))
	}
}

func refuse(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprintf("% x", password), fmt.Sprint([]byte(password))} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the password: %.300s", how, text)
		}
	}
}

func TestSecretIsATextAndEmptyStaysEmpty(t *testing.T) {
	for _, s := range []fmt.Stringer{Secret{}, URL{}} {
		text, err := json.Marshal(s)
		if err != nil || fmt.Sprint(s) != "" || string(text) != `""` {
			t.Errorf("%T: %q %s %v", s, s.String(), text, err)
		}
	}
	var s Secret
	if err := json.Unmarshal([]byte(`"hunter2"`), &s); err != nil || s.Reveal() != password || s.IsZero() {
		t.Errorf("read %q, %v", s.Reveal(), err)
	}
	if got := fmt.Sprintf("%s %q %v", s, s, []Secret{s}); got != `*** "***" [***]` {
		t.Errorf("printed %s", got)
	}
}

func TestURLShowsWhatIsPublic(t *testing.T) {
	for in, want := range map[string]string{
		"redis://127.0.0.1:6379/0":                   "redis://127.0.0.1:6379/0",
		"redis://:hunter2@127.0.0.1:6379/0":          "redis://:***@127.0.0.1:6379/0",
		"rediss://app:hunter2@r.example:6380/1?db=2": "rediss://app:***@r.example:6380/1?db=2",
		"redis://hunter2@127.0.0.1":                  "redis://***@127.0.0.1",
		"unix:///run/redis.sock":                     "unix:///run/redis.sock",
		"https://h/x?a=hunter2&hunter2&model=m":      "https://h/x?a=***&***&model=m",
		"redis://u:hun/ter2@h":                       "***",
		"hunter2":                                    "***",
		"redis:hunter2":                              "***",
		"":                                           "",
	} {
		if got := NewURL(in).String(); got != want {
			t.Errorf("%s shows as %s, want %s", in, got, want)
		}
	}
}

// TestSecretFiles reads secrets from where systemd, Docker and people put them.
func TestSecretFiles(t *testing.T) {
	dir, credentials := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(credentials, "key"), "from-systemd\n")
	write(filepath.Join(dir, "key"), "beside\r\n")
	write(filepath.Join(dir, "only-beside"), "redis://:pw@h:1/0\n")
	write(filepath.Join(dir, "absolute"), "whsec_dGVzdA==")
	write(filepath.Join(dir, "empty"), "\n")
	file := func(key string) []byte {
		return []byte(`version: 1
trunks: [ { name: t, sources: [192.0.2.1] } ]
routes: [ { to: "*", agent: a } ]
realtime: [ { name: m, url: "wss://example.com", api_key: "` + key + `" } ]
agents: [ { name: a, realtime: m } ]
store: { redis: { url: "file:only-beside" } }
tools: [ { name: t, description: d, webhook: { url: "https://h/", secret: "file://` + filepath.Join(dir, "absolute") + `" } } ]
`)
	}
	name := filepath.Join(dir, "trunkline.yaml")
	c, err := Parse(name, file("file:key"), Options{Env: []string{"CREDENTIALS_DIRECTORY=" + credentials}})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Realtime[0].APIKey.Reveal(), c.Store.Redis.URL.Reveal(), c.Tools[0].Webhook.Secret.Reveal()}
	if want := "[from-systemd redis://:pw@h:1/0 whsec_dGVzdA==]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if c, err = Parse(name, file("file:key"), Options{Env: []string{}}); err != nil || c.Realtime[0].APIKey.Reveal() != "beside" {
		t.Errorf("beside the file: %v", err)
	}
	for key, want := range map[string]string{
		"file:nowhere": "looked for at /run/secrets/nowhere and " + filepath.Join(dir, "nowhere"),
		"file:empty":   "is empty",
		"file:.":       "cannot be read: not a regular file",
	} {
		if _, err := Parse(name, file(key), Options{Env: []string{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
