package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
)

func callsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "calls",
		GroupID: "read",
		Short:   "Read calls and their transcripts, live and past",
		Long: `Reads calls and their transcripts, live and past.

The transcripts are those of the configuration file. Without one they are those of the embedded file given by --store,
./trunkline.db by default. A file that a running service holds is read through that service.`,
	}
	cmd.AddCommand(callsListCommand(), callsShowCommand(), callsFollowCommand())
	return cmd
}

// storeFlags say where the transcripts are.
type storeFlags struct {
	config configFlags
	path   string
	json   bool
}

func (f *storeFlags) add(cmd *cobra.Command) {
	f.config.add(cmd)
	cmd.Flags().StringVar(&f.path, "store", "", "embedded `file` with the transcripts, instead of the configuration's store")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
}

// read opens the store, calls do, and closes the store.
func (f *storeFlags) read(cmd *cobra.Command, do func(ctx context.Context, r store.Reader) error) error {
	cfg, err := f.settings()
	if err != nil {
		return err
	}
	r, closeStore, err := trunkline.OpenReader(cmd.Context(), cfg, nil)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), r), closeStore())
}

// settings are the configuration when there is one, else just the place of the embedded file.
func (f *storeFlags) settings() (*configs.Config, error) {
	if f.path == "" && f.config.path == "" && len(f.config.set) == 0 {
		if _, err := os.Stat("trunkline.yaml"); errors.Is(err, os.ErrNotExist) {
			f.path = configs.Default().Store.Path
		}
	}
	if f.path != "" {
		return &configs.Config{Store: configs.Store{Path: f.path}}, nil
	}
	return f.config.load()
}

func callsListCommand() *cobra.Command {
	flags := &storeFlags{}
	var q store.Query
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List calls, newest first",
		Example: `  trunkline calls list
  trunkline calls list --live
  trunkline calls list --since 24h --agent frontdesk --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since > 0 {
				q.From = time.Now().Add(-since)
			}
			return flags.read(cmd, func(ctx context.Context, r store.Reader) error {
				page, err := r.List(ctx, q)
				if err != nil {
					return err
				}
				return printCalls(cmd, page, flags.json)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&q.Agent, "agent", "", "only calls of this agent")
	cmd.Flags().StringVar(&q.Caller, "caller", "", "only calls from this number")
	cmd.Flags().BoolVar(&q.Live, "live", false, "only calls that are going on")
	cmd.Flags().DurationVar(&since, "since", 0, "only calls that began within this time, such as 24h")
	cmd.Flags().IntVar(&q.Limit, "limit", store.DefaultPage, "calls on one page")
	cmd.Flags().StringVar(&q.Cursor, "cursor", "", "go on where the last page ended")
	return cmd
}

func printCalls(cmd *cobra.Command, page store.Page, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return printJSON(out, page.Calls)
	}
	if len(page.Calls) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no calls")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTARTED\tCALLER\tDIALLED\tAGENT\tDURATION\tTURNS\tENDED")
	for _, c := range page.Calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", c.ID, c.Started.Local().Format(time.DateTime), orDash(c.Caller), c.Dialled,
			c.Agent, duration(&c), c.Turns, ending(&c))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.Next != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor '%s'\n", page.Next)
	}
	return nil
}

func callsShowCommand() *cobra.Command {
	flags := &storeFlags{}
	cmd := &cobra.Command{
		Use:     "show CALL",
		Short:   "Show one call and its transcript",
		Example: "  trunkline calls show 20261125T081500-6f2k9q",
		Args:    oneCall,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.read(cmd, func(ctx context.Context, r store.Reader) error {
				c, err := r.Call(ctx, args[0])
				if err != nil {
					return unknownCall(args[0], err)
				}
				entries, err := r.Entries(ctx, c.ID, "", 0)
				if err != nil {
					return err
				}
				if flags.json {
					return errors.Join(printJSON(cmd.OutOrStdout(), []store.Call{c}), printJSON(cmd.OutOrStdout(), entries))
				}
				printCall(cmd.OutOrStdout(), &c)
				p := newPrinter(cmd.OutOrStdout(), c.Started)
				for _, e := range entries {
					p.entry(e)
				}
				return nil
			})
		},
	}
	flags.add(cmd)
	return cmd
}

func callsFollowCommand() *cobra.Command {
	flags := &storeFlags{}
	cmd := &cobra.Command{
		Use:   "follow CALL",
		Short: "Show the transcript of a call as it grows, until the call ends",
		Args:  oneCall,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.read(cmd, func(ctx context.Context, r store.Reader) error {
				return follow(ctx, cmd.OutOrStdout(), r, args[0], flags.json)
			})
		},
	}
	flags.add(cmd)
	return cmd
}

func follow(ctx context.Context, out io.Writer, r store.Reader, id string, asJSON bool) error {
	c, err := r.Call(ctx, id)
	if err != nil {
		return unknownCall(id, err)
	}
	p, after := newPrinter(out, c.Started), ""
	for {
		entries, err := r.Follow(ctx, id, after)
		if errors.Is(err, store.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if after = e.ID; asJSON {
				if err := printJSON(out, []store.Entry{e}); err != nil {
					return err
				}
				continue
			}
			p.entry(e)
		}
	}
}

// oneCall wants exactly one call id.
func oneCall(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(fmt.Errorf("name one call: 'trunkline calls list' shows them\nsee '%s --help'", cmd.CommandPath()))
	}
	return nil
}

func unknownCall(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no call %s here: 'trunkline calls list' shows what there is", id)
	}
	return err
}

func printJSON[T any](w io.Writer, list []T) error {
	enc := json.NewEncoder(w)
	for _, v := range list {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// printCall shows the head of a call.
func printCall(w io.Writer, c *store.Call) {
	fmt.Fprintf(w, "call %s\n", c.ID)
	fmt.Fprintf(w, "  %s from %s to %s over %s, answered by %s (%s)\n", c.Started.Local().Format(time.DateTime), orDash(c.Caller), c.Dialled,
		c.Trunk, c.Agent, c.Codec)
	fmt.Fprintf(w, "  %s, %s\n", duration(c), ending(c))
	fmt.Fprintf(w, "  setup %d ms; answers after %d ms (median), %d ms (95 %%); %d turns, %d interruptions, %d tool calls\n",
		c.SetupMS, c.LatencyP50MS, c.LatencyP95MS, c.Turns, c.Interruptions, c.ToolCalls)
	fmt.Fprintf(w, "  frames in %d, out %d, lost %d; tokens in %d, out %d\n\n", c.FramesIn, c.FramesOut, c.FramesLost, c.TokensIn, c.TokensOut)
}

func duration(c *store.Call) string {
	if c.Live() {
		return "live for " + time.Since(c.Started).Round(time.Second).String()
	}
	return c.Duration().Round(100 * time.Millisecond).String()
}

func ending(c *store.Call) string {
	if c.Live() {
		return "going on"
	}
	return fmt.Sprintf("ended by %s: %s", c.EndedBy, c.Cause)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
