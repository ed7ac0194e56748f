package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/store/export"
)

func checkCommand() *cobra.Command {
	flags := &configFlags{}
	var only []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "check",
		GroupID: "try",
		Short:   "Look whether what the configuration names is there and works",
		Long: `Looks whether what the configuration names is there and works: addresses and ports to bind, certificates, the names of
trunk servers, a session with each model service, the store, the servers of tools, clips. Each thing is a line, ok, warn
or fail, with a remedy; the exit code is 3 when something failed and 2 when the configuration cannot be read.

No tool is run: webhooks and OpenAPI services are connected to and get no request. MCP servers are started and asked for
their tools. A model service is asked for a session, and for no answer. Each part has 5 s; they run side by side.`,
		Example: `  trunkline check --config trunkline.yaml
  trunkline check --only realtime,tools
  trunkline check --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			show := showFinding
			if asJSON {
				show = showFindingJSON
			}
			found := tally{}
			err = trunkline.Check(cmd.Context(), cfg, only, func(f trunkline.Finding) {
				found[f.Status]++
				show(cmd.OutOrStdout(), &f)
			})
			if unknown := (*trunkline.AreaError)(nil); errors.As(err, &unknown) {
				return usage(err)
			}
			if err != nil {
				return err
			}
			return found.verdict(cmd.ErrOrStderr())
		},
	}
	flags.add(cmd)
	cmd.Flags().StringSliceVar(&only, "only", nil, "`areas` to look at: "+strings.Join(trunkline.CheckAreas, ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

func showFinding(w io.Writer, f *trunkline.Finding) {
	fmt.Fprintf(w, "%-4s  %s: %s\n", f.Status, export.Plain(f.Place), export.Plain(f.Detail))
	if f.Remedy != "" {
		fmt.Fprintf(w, "      → %s\n", export.Plain(f.Remedy))
	}
}

// findingJSON is what check --json prints.
type findingJSON struct {
	Status string `json:"status"`
	Area   string `json:"area"`
	Place  string `json:"place"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitzero"`
}

func showFindingJSON(w io.Writer, f *trunkline.Finding) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(findingJSON(*f)) // strings only; who closed the pipe has seen enough
}

// tally counts findings by their status.
type tally map[string]int

// verdict is the last line, and the error of a check that failed.
func (t tally) verdict(w io.Writer) error {
	fmt.Fprintf(w, "%d ok, %d to look at, %d failed\n", t[trunkline.CheckOK], t[trunkline.CheckWarn], t[trunkline.CheckFail])
	if n := t[trunkline.CheckFail]; n > 0 {
		return &exitError{exitFound, fmt.Errorf("%d of the things checked do not work", n)}
	}
	return nil
}
