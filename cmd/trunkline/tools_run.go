package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/store/export"
	"github.com/trunkline/trunkline/tools"
)

// longestArguments bounds what is read from standard input; a model writes far less.
const longestArguments = 1 << 20

func toolsRunCommand() *cobra.Command {
	flags := &toolFlags{}
	var trial trunkline.Trial
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run NAME [JSON]",
		Short: "Run one tool by hand, for real",
		Long: `Runs one tool as a call would, and prints what the model would read; status, duration, attempts and size go to standard
error. JSON are the arguments, "-" reads them from standard input, without it they are {}.

It is for real: the webhook, the MCP server or the service is called, and a booking is a booking. What a call does
around it is not done: once, after turn and background are of calls, and hang_up, hand_off and notes are only named.

There is no phone line. transfer, send_digits, collect_digits and tools of the kind collect fail here and say so: try
them in a call. The exit code is 1 when the tool failed.`,
		Example: `  trunkline tools run current_time
  trunkline tools run order_status '{"order":"4271"}' --caller +15550100
  trunkline tools run order_status - --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 2 {
				return nil
			}
			return usage(errors.New("name one tool and its arguments: trunkline tools run NAME '{\"key\":\"value\"}'"))
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			trial.Tool, trial.Agent = args[0], flags.agent
			if trial.Arguments, err = toolArguments(cmd.InOrStdin(), args[1:]); err != nil {
				return err
			}
			return flags.with(cmd, func(box *trunkline.Toolbox) error { return runTool(cmd, box, trial, asJSON) })
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&trial.Caller, "caller", "", "`number` that the tool sees as the caller's")
	cmd.Flags().StringVar(&trial.Dialled, "dialled", "", "`number` that the tool sees as dialled")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as one JSON object")
	return cmd
}

// toolArguments are those of the command line, or of standard input.
func toolArguments(stdin io.Reader, args []string) (string, error) {
	if len(args) == 0 {
		return "{}", nil
	}
	if args[0] != "-" {
		return args[0], nil
	}
	text, err := io.ReadAll(io.LimitReader(stdin, longestArguments+1))
	if err == nil && len(text) > longestArguments {
		err = usage(fmt.Errorf("more than %d bytes of arguments", longestArguments))
	}
	if err != nil {
		return "", fmt.Errorf("read arguments: %w", err)
	}
	return string(text), nil
}

func runTool(cmd *cobra.Command, box *trunkline.Toolbox, trial trunkline.Trial, asJSON bool) error {
	o, wantsLine, err := box.Run(cmd.Context(), trial)
	if err != nil {
		return err
	}
	if err := printOutcome(cmd, trial.Tool, &o, asJSON); err != nil {
		return err
	}
	if wantsLine {
		return fmt.Errorf("%s needs a phone line and there is none here: call the agent and let it use the tool", trial.Tool)
	}
	return o.Err
}

func printOutcome(cmd *cobra.Command, tool string, o *tools.Outcome, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		return enc.Encode(outcomeRecord(tool, o))
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), o.Output); err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, "%s in %s, attempts: %d, result: %d bytes\n", o.Status, o.Duration.Round(100*time.Microsecond), o.Attempts, o.ResultBytes)
	if o.Effect != tools.NoEffect {
		fmt.Fprintf(w, "in a call the agent would now: %s %s %s\n", o.Effect, export.Plain(o.Target), export.Plain(o.Reason))
	}
	return nil
}

// outcomeJSON is what tools run --json prints.
type outcomeJSON struct {
	Tool        string          `json:"tool"`
	Status      tools.Status    `json:"status"`
	Output      json.RawMessage `json:"output"`
	Error       string          `json:"error,omitzero"`
	Ref         string          `json:"ref,omitzero"`
	Arguments   string          `json:"arguments,omitzero"`
	Effect      tools.Effect    `json:"effect,omitzero"`
	Target      string          `json:"target,omitzero"`
	Reason      string          `json:"reason,omitzero"`
	DurationMS  float64         `json:"duration_ms"`
	Attempts    int             `json:"attempts"`
	ResultBytes int             `json:"result_bytes"`
}

func outcomeRecord(tool string, o *tools.Outcome) outcomeJSON {
	r := outcomeJSON{Tool: tool, Status: o.Status, Output: json.RawMessage(o.Output), Ref: o.Ref, Arguments: o.Arguments, Effect: o.Effect,
		Target: o.Target, Reason: o.Reason, DurationMS: float64(o.Duration.Microseconds()) / 1000, Attempts: o.Attempts, ResultBytes: o.ResultBytes}
	if o.Err != nil {
		r.Error = o.Err.Error()
	}
	return r
}
