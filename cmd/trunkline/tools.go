package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/store/export"
	"github.com/trunkline/trunkline/tools"
)

func toolsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tools",
		GroupID: "try",
		Short:   "List the agents' tools, show their schemas, run one by hand",
		Long: `Shows the tools of the configuration as the agents have them, and runs one without a phone call.

MCP servers are started or connected for it, and have 5 s; one that is away is named on standard error, and the rest is
shown. Tools that a program of your own adds in Go are not known here.`,
	}
	cmd.AddCommand(toolsListCommand(), toolsSchemaCommand(), toolsRunCommand())
	return cmd
}

// toolFlags say whose tools are meant.
type toolFlags struct {
	config configFlags
	agent  string
}

func (f *toolFlags) add(cmd *cobra.Command) {
	f.config.add(cmd)
	cmd.Flags().StringVar(&f.agent, "agent", "", "only the tools of this agent, with its hand_off and transfer")
}

// with makes the tools, calls do, and closes them.
func (f *toolFlags) with(cmd *cobra.Command, do func(*trunkline.Toolbox) error) error {
	cfg, err := f.config.load()
	if err != nil {
		return err
	}
	if f.agent != "" && cfg.Agent(f.agent) == nil {
		return usage(fmt.Errorf("no agent is named %q; look at agents in the configuration", f.agent))
	}
	box, err := trunkline.OpenTools(cfg)
	if err != nil {
		return err
	}
	for _, away := range box.Away() {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", away)
	}
	return errors.Join(do(box), box.Close())
}

func toolsListCommand() *cobra.Command {
	flags := &toolFlags{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tools, where they come from and who has them",
		Long: `Lists the tools with where they come from (built in, webhook, collect, mcp SERVER, openapi SERVICE), the agents that
have them, how long they may take, and how they are run:

  once         the same call succeeds once in a phone call
  after turn   starts when the caller has heard what was said before
  background   the conversation goes on meanwhile`,
		Example: `  trunkline tools list
  trunkline tools list --agent frontdesk
  trunkline tools list --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.with(cmd, func(box *trunkline.Toolbox) error {
				list, err := box.List(flags.agent)
				if err != nil {
					return err
				}
				if asJSON {
					return printToolsJSON(cmd.OutOrStdout(), list)
				}
				return printTools(cmd.OutOrStdout(), list)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

func printTools(out io.Writer, list []trunkline.ToolEntry) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TOOL\tFROM\tAGENTS\tTIMEOUT\tRUN\tDESCRIPTION")
	for _, t := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, t.From, orDash(strings.Join(t.Agents, ",")), t.Timeout,
			orDash(strings.Join(manner(t.Effects), ", ")), clipped(t.Description))
	}
	return w.Flush()
}

// manner is how a tool is run, in words.
func manner(e tools.Effects) (words []string) {
	for _, w := range []struct {
		is   bool
		word string
	}{{e.Once, "once"}, {e.AfterTurn, "after turn"}, {e.Background, "background"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return words
}

// clipped is a description that fits a line of the list. Servers write them, so control characters are left out.
func clipped(text string) string {
	const most = 60
	runes := []rune(export.Plain(strings.Join(strings.Fields(text), " ")))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// toolJSON is what tools list --json prints.
type toolJSON struct {
	Name        string   `json:"name"`
	From        string   `json:"from"`
	Agents      []string `json:"agents"`
	TimeoutMS   int64    `json:"timeout_ms"`
	Once        bool     `json:"once"`
	AfterTurn   bool     `json:"after_turn"`
	Background  bool     `json:"background"`
	Duplicates  string   `json:"duplicates"`
	OnInterrupt string   `json:"on_interrupt"`
	Description string   `json:"description"`
}

func printToolsJSON(out io.Writer, list []trunkline.ToolEntry) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, t := range list {
		err := enc.Encode(toolJSON{t.Name, t.From, append([]string{}, t.Agents...), t.Timeout.Milliseconds(), t.Effects.Once,
			t.Effects.AfterTurn, t.Effects.Background, t.Effects.Duplicate.String(), t.OnInterrupt.String(), t.Description})
		if err != nil {
			return err
		}
	}
	return nil
}

func toolsSchemaCommand() *cobra.Command {
	flags := &toolFlags{}
	cmd := &cobra.Command{
		Use:   "schema [NAME...]",
		Short: "Print the tools as the model gets them",
		Long: `Prints the tools as the model gets them in session.update: name, description and JSON Schema of the arguments. Without a
name it prints all, or with --agent all that this agent offers, in its order.`,
		Example: `  trunkline tools schema order_status
  trunkline tools schema --agent frontdesk`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return flags.with(cmd, func(box *trunkline.Toolbox) error {
				defs, err := box.Definitions(flags.agent, names...)
				if err != nil {
					return err
				}
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(defs)
			})
		},
	}
	flags.add(cmd)
	return cmd
}
