package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

func callsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "calls",
		GroupID: "read",
		Short:   "Read, search, export and delete calls and their transcripts, live and past",
		Long: `Reads calls and their transcripts, live and past, searches, exports and deletes them.

The transcripts are those of the configuration file. Without one they are those of the embedded file given by --store,
./trunkline.db by default. A file that a running service holds is read through that service.`,
	}
	cmd.AddCommand(callsListCommand(), callsShowCommand(), callsFollowCommand(), callsSearchCommand(), callsExportCommand(), callsDeleteCommand())
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
	if errors.Is(err, fs.ErrNotExist) && cfg.Store.Redis == nil {
		return fmt.Errorf("there are no transcripts at %s: name another file with --store, or make one with 'trunkline demo'", cfg.Store.Path)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), r), closeStore())
}

// settings are the configuration when there is one, else just the place of the embedded file.
func (f *storeFlags) settings() (*configs.Config, error) {
	if f.path != "" {
		return embeddedAt(f.path), nil
	}
	cfg, err := f.config.load()
	named := f.config.path != "" || len(f.config.set) > 0 || os.Getenv("TRUNKLINE_CONFIG") != ""
	if none := (*configs.NotFoundError)(nil); errors.As(err, &none) && !named {
		return embeddedAt(configs.Default().Store.Path), nil // of a demonstration
	}
	return cfg, err
}

// embeddedAt is an embedded file by itself. Recordings are looked for beside it, where the demonstration has them.
func embeddedAt(path string) *configs.Config {
	return &configs.Config{Store: configs.Store{Path: path}, Recordings: configs.Recordings{Directory: soundBeside(path)}}
}

// soundBeside is where recordings are kept beside an embedded file, when no configuration names another place.
func soundBeside(path string) string { return filepath.Join(filepath.Dir(path), "recordings") }

func callsListCommand() *cobra.Command {
	flags, filter, limit := &storeFlags{}, &filterFlags{}, 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List calls, newest first",
		Example: `  trunkline calls list
  trunkline calls list --live
  trunkline calls list --since 24h --agent frontdesk --json
  trunkline calls list --tag refund --ended-by caller --min 5m`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := filter.asked()
			q.Limit = limit
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
	filter.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", store.DefaultPage, "calls on one page")
	return cmd
}

func printCalls(cmd *cobra.Command, page store.Page, asJSON bool) error {
	printPage := printTable
	if asJSON {
		printPage = func(w io.Writer, calls []store.Call) error { return printCallsJSON(w, calls...) }
	}
	if err := printPage(cmd.OutOrStdout(), page.Calls); err != nil {
		return err
	}
	printMore(cmd, page.Next, page.Back, len(page.Calls) == 0, "calls")
	return nil
}

func printTable(out io.Writer, calls []store.Call) error {
	if len(calls) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTARTED\tCALLER\tDIALLED\tAGENT\tDURATION\tTURNS\tTAGS\tENDED")
	for _, c := range calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", c.ID, c.Started.Local().Format(time.DateTime), orDash(c.Caller), orDash(c.Dialled),
			c.Agent, duration(&c), c.Turns, tagged(&c), ending(&c))
	}
	return w.Flush()
}

// transcriptFlags say how a transcript is shown.
type transcriptFlags struct {
	storeFlags
	verbose bool
}

func (f *transcriptFlags) add(cmd *cobra.Command) {
	f.storeFlags.add(cmd)
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "also show the tokens of each answer, as --json does")
}

// show prints the lines of a call that began at started.
func (f *transcriptFlags) show(out io.Writer, started time.Time) func(store.Entry) error {
	if f.json {
		return func(e store.Entry) error { return printEntriesJSON(out, e) }
	}
	p := newPrinter(out, started)
	p.steps, p.usage = true, f.verbose
	return func(e store.Entry) error { p.entry(e); return nil }
}

func callsShowCommand() *cobra.Command {
	flags := &transcriptFlags{}
	cmd := &cobra.Command{
		Use:   "show CALL",
		Short: "Show one call and its transcript",
		Example: `  trunkline calls show 06h13r4h8ynm3v3h3n5ga57s
  trunkline calls show 06h13r4h8ynm3v3h3n5ga57s --store trunkline.db --json`,
		Args: oneCall,
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
				return showCall(cmd.OutOrStdout(), &c, entries, flags)
			})
		},
	}
	flags.add(cmd)
	return cmd
}

func showCall(out io.Writer, c *store.Call, entries []store.Entry, flags *transcriptFlags) error {
	var errs []error
	if flags.json {
		errs = append(errs, printCallsJSON(out, *c))
	} else {
		printCall(out, c)
	}
	show := flags.show(out, c.Started)
	for _, e := range entries {
		errs = append(errs, show(e))
	}
	return errors.Join(errs...)
}

func callsFollowCommand() *cobra.Command {
	flags := &transcriptFlags{}
	cmd := &cobra.Command{
		Use:   "follow CALL",
		Short: "Show the transcript of a call as it grows, until the call ends",
		Example: `  trunkline calls follow 06h13r4h8ynm3v3h3n5ga57s
  trunkline calls follow 06h13r4h8ynm3v3h3n5ga57s --json | jq -r .text`,
		Args: oneCall,
		RunE: func(cmd *cobra.Command, args []string) error {
			f := &follower{id: args[0], out: cmd.OutOrStdout(), flags: flags}
			err := flags.read(cmd, f.follow)
			if err != nil && f.begun && cmd.Context().Err() == nil {
				err = flags.read(cmd, f.follow) // the service that was read through has ended; its file has the rest
			}
			return err
		},
	}
	flags.add(cmd)
	return cmd
}

// follower shows a transcript as it grows.
type follower struct {
	id    string
	out   io.Writer
	flags *transcriptFlags
	begun bool   // the call was found
	after string // id of the last line shown
}

// follow goes on after the last line shown, until the call ends.
func (f *follower) follow(ctx context.Context, r store.Reader) error {
	c, err := r.Call(ctx, f.id)
	if err != nil {
		return unknownCall(f.id, err)
	}
	f.begun = true
	show := f.flags.show(f.out, c.Started)
	for {
		entries, err := r.Follow(ctx, f.id, f.after)
		if errors.Is(err, store.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			f.after = e.ID
			if err := show(e); err != nil {
				return err
			}
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

// printCall shows the head of a call.
func printCall(w io.Writer, c *store.Call) {
	fmt.Fprintf(w, "call %s\n", c.ID)
	part := "answered by"
	if c.Direction == "out" {
		part = "placed by"
	}
	fmt.Fprintf(w, "  %s from %s to %s over %s, %s %s (%s)\n", c.Started.Local().Format(time.DateTime), orDash(c.Caller), orDash(c.Dialled),
		c.Trunk, part, c.Agent, c.Codec)
	for _, more := range []struct{ what, text string }{{"forwarded by", c.Forwarded}, {"caller's number, says the trunk:", c.Verification}, {"encrypted with", c.SRTP}, {"tags:", string(c.Tags)}} {
		if more.text != "" {
			fmt.Fprintf(w, "  %s %s\n", more.what, export.Plain(more.text))
		}
	}
	fmt.Fprintf(w, "  %s, %s\n", duration(c), ending(c))
	fmt.Fprintf(w, "  setup %d ms; answers after %d ms (median), %d ms (95 %%); %d turns, %d interruptions, %d tool calls\n",
		c.SetupMS, c.LatencyP50MS, c.LatencyP95MS, c.Turns, c.Interruptions, c.ToolCalls)
	fmt.Fprintf(w, "  frames in %d, out %d, lost %d; tokens %s\n", c.FramesIn, c.FramesOut, c.FramesLost,
		tokens(c.TokensIn, c.TokensCached, c.TokensOut, c.CostMicros))
	if c.MOSCaller > 0 {
		fmt.Fprintf(w, "  %s\n", quality(c))
	}
	if c.Reconnects+c.Rotations > 0 {
		fmt.Fprintf(w, "  connections to the model: %d lost and made again, %d replaced before their end\n", c.Reconnects, c.Rotations)
	}
	fmt.Fprintln(w)
}

// quality is how the call sounded, both ways where the far end has told.
func quality(c *store.Call) string {
	text := fmt.Sprintf("caller sounds %.1f of 4.4 (MOS), jitter %d ms", float64(c.MOSCaller)/100, c.JitterMS)
	if c.MOSAgent > 0 {
		text += fmt.Sprintf("; agent sounds %.1f there", float64(c.MOSAgent)/100)
	}
	if c.RTTMS > 0 {
		text += fmt.Sprintf(", round trip %d ms", c.RTTMS)
	}
	return text
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
	return fmt.Sprintf("ended by %s: %s", c.EndedBy, export.Plain(c.Cause))
}

// orDash is a text of somebody else's for the terminal, "-" when there is none.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return export.Plain(s)
}
