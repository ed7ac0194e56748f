package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/supervisor"
)

func supervisorCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "supervisor", GroupID: "other", Short: "Let people see and act on calls"}
	cmd.AddCommand(supervisorTokenCommand())
	return cmd
}

func supervisorTokenCommand() *cobra.Command {
	var role string
	var agents []string
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Make a token with which somebody signs in",
		Long: `Makes a random token and prints it with the lines that let it in. Give the token to the person or program and put the
lines into the configuration: they hold only its hash, from which the token cannot be found. It is shown once.

Roles: a viewer reads and listens; a supervisor also writes notes, exports and acts on calls; an admin also deletes and
reads the audit list.`,
		Example: `  trunkline supervisor token anna --role supervisor
  trunkline supervisor token "night shift" --role viewer --agent frontdesk --agent pharmacy`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("name whom the token is for, as the audit list shall call them\nsee '%s --help'", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, ok := supervisor.ParseRole(role)
			if !ok {
				return usage(fmt.Errorf("--role %q is none of viewer, supervisor, admin", role))
			}
			return printToken(cmd.OutOrStdout(), supervisor.NewToken(), supervisor.Token{Name: args[0], Role: r, Agents: agents})
		},
	}
	cmd.Flags().StringVar(&role, "role", "viewer", "viewer, supervisor or admin")
	cmd.Flags().StringArrayVar(&agents, "agent", nil, "agent `name` whose calls they see; may be repeated (default all)")
	return cmd
}

// printToken writes what is to be handed out and what is to be kept.
func printToken(w io.Writer, token string, t supervisor.Token) error {
	t.SHA256 = supervisor.HashToken(token)
	if err := t.Check(); err != nil {
		return usage(err)
	}
	agents := ""
	if len(t.Agents) > 0 {
		quoted := make([]string, len(t.Agents))
		for i, a := range t.Agents {
			quoted[i] = quote(a)
		}
		agents = fmt.Sprintf(", agents: [%s]", strings.Join(quoted, ", "))
	}
	_, err := fmt.Fprintf(w, "token   %s\nsha256  %s\n\nsupervisor:\n  tokens:\n    - { name: %s, role: %s%s, sha256: %q }\n",
		token, t.SHA256, quote(t.Name), t.Role, agents, t.SHA256)
	if err != nil {
		return errors.Join(errors.New("the token is lost, make another one"), err)
	}
	return nil
}

// quote writes a text as the configuration takes it whatever is in it: ${ begins a variable there.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${").Replace(text) + `"`
}
