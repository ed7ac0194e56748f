package main

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/trunkline/trunkline/supervisor"
)

// The lines that are printed are YAML, and let in whoever has the token.
func TestSupervisorToken(t *testing.T) {
	name := `Anna "the ${KEY}" \ Löwe: #1`
	code, out, errs := execute(t, "supervisor", "token", name, "--role", "supervisor", "--agent", "frontdesk", "--agent", "night, shift")
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	head, lines, _ := strings.Cut(out, "\n\n")
	token := strings.Fields(head)[1]
	var c struct {
		Supervisor struct {
			Tokens []struct {
				Name, Role, SHA256 string
				Agents             []string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(lines), &c); err != nil || len(c.Supervisor.Tokens) != 1 {
		t.Fatalf("%v in:\n%s", err, out)
	}
	got := c.Supervisor.Tokens[0]
	if strings.ReplaceAll(got.Name, "$${", "${") != name || got.Role != "supervisor" || strings.Join(got.Agents, "|") != "frontdesk|night, shift" {
		t.Errorf("%+v", got)
	}
	if got.SHA256 != supervisor.HashToken(token) || len(token) < 43 || strings.Contains(lines, token) {
		t.Errorf("the hash is not that of the token, or the token is in the lines:\n%s", out)
	}
	if _, again, _ := execute(t, "supervisor", "token", "anna"); strings.Contains(again, token) || strings.Contains(again, "agents") || !strings.Contains(again, "role: viewer") {
		t.Errorf("another one: %s", again)
	}
}

func TestSupervisorTokenFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"token"}, "whom the token is for"},
		{[]string{"token", "a", "b"}, "whom the token is for"},
		{[]string{"token", "anna", "--role", "boss"}, `"boss" is none of viewer, supervisor, admin`},
		{[]string{"token", "anna\nadmin"}, "printable"},
		{[]string{"token", ""}, "printable"},
		{[]string{"tokn", "anna"}, "do you mean 'token'"},
	} {
		code, out, errs := execute(t, append([]string{"supervisor"}, c.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.says) {
			t.Errorf("%q: exit code %d, %q, %q", c.args, code, out, errs)
		}
	}
}
