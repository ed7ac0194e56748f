package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// exporter writes the transcripts of many calls, each page by page.
type exporter struct {
	flags  storeFlags
	query  store.Query
	from   string
	to     string
	format string
	out    string // directory; "-": standard output

	written int // calls
	since   time.Time
	told    time.Time // when the progress was told last
}

func callsExportCommand() *cobra.Command {
	x := &exporter{}
	cmd := &cobra.Command{
		Use:   "export [CALL…]",
		Short: "Write transcripts to files, for programs and for people",
		Long: `Writes the transcripts of the calls that are named, or of those that began within a time.

Formats: jsonl is lossless, and the one that other programs should read; txt is for people; csv is for spreadsheets, one
row a line of a transcript; vtt are subtitles that run with the recording. A directory gets a file for each call.`,
		Example: `  trunkline calls export 06h13r4h8ynm3v3h3n5ga57s --format txt
  trunkline calls export --from 2026-11-01 --to 2026-12-01 --format jsonl --out november`,
		RunE: x.run,
	}
	x.flags.config.add(cmd)
	cmd.Flags().StringVar(&x.flags.path, "store", "", "embedded `file` with the transcripts, instead of the configuration's store")
	cmd.Flags().StringVar(&x.from, "from", "", "only calls that began at or after this `time`: 2026-11-25 in UTC, or RFC 3339")
	cmd.Flags().StringVar(&x.to, "to", "", "only calls that began before this `time`")
	cmd.Flags().StringVar(&x.query.Agent, "agent", "", "only calls of this agent")
	cmd.Flags().StringVar(&x.format, "format", "jsonl", "one of "+strings.Join(export.Names(), ", "))
	cmd.Flags().StringVar(&x.out, "out", "-", "`directory` for one file a call; -: all to standard output")
	return cmd
}

func (x *exporter) run(cmd *cobra.Command, calls []string) error {
	format, err := x.check(cmd, calls)
	if err != nil {
		return usage(fmt.Errorf("%w\nsee '%s --help'", err, cmd.CommandPath()))
	}
	return x.flags.read(cmd, func(ctx context.Context, r store.Reader) error {
		x.since = time.Now()
		sink, err := x.sink(cmd.OutOrStdout(), format)
		if err != nil {
			return err
		}
		for id, err := range x.chosen(ctx, r, calls) {
			if err != nil {
				return err
			}
			err := sink(ctx, r, id)
			if len(calls) == 0 && errors.Is(err, store.ErrNotFound) {
				continue // it was deleted or expired since it was listed
			}
			if err != nil {
				return fmt.Errorf("export call %s: %w", id, unknownCall(id, err))
			}
			x.written++
			x.progress(cmd.ErrOrStderr(), time.Now())
		}
		if x.written == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "no calls")
		}
		return nil
	})
}

// check makes sense of the flags.
func (x *exporter) check(cmd *cobra.Command, calls []string) (export.Format, error) {
	format, err := export.Find(x.format)
	if err != nil {
		return format, err
	}
	ranged := cmd.Flags().Changed("from") || cmd.Flags().Changed("to") || cmd.Flags().Changed("agent")
	switch {
	case len(calls) == 0 && !ranged:
		return format, fmt.Errorf("name calls, or a time with --from and --to")
	case len(calls) > 0 && ranged:
		return format, fmt.Errorf("name calls or give --from, --to and --agent, not both")
	case format.Single && x.out == "-" && len(calls) != 1:
		return format, fmt.Errorf("a file of the format %s holds one call: name a directory with --out", format.Name)
	}
	if x.query.From, err = moment("--from", x.from); err != nil {
		return format, err
	}
	x.query.To, err = moment("--to", x.to)
	return format, err
}

// moment is RFC 3339, or a day, which is its beginning in UTC.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return at, fmt.Errorf("%s %q is no time: write it as 2026-11-25 or 2026-11-25T08:15:00Z", flag, text)
	}
	return at, nil
}

// chosen are the ids of the calls, in the order of the command line or the newest first.
func (x *exporter) chosen(ctx context.Context, r store.Reader, calls []string) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for _, id := range calls {
			if !yield(id, nil) {
				return
			}
		}
		q := x.query
		q.Limit = store.MaxPage
		for more := len(calls) == 0; more; more = q.Cursor != "" {
			page, err := r.List(ctx, q)
			if err != nil {
				yield("", err)
				return
			}
			for _, c := range page.Calls {
				if !yield(c.ID, nil) {
					return
				}
			}
			q.Cursor = page.Next
		}
	}
}

// sink is what writes one call.
func (x *exporter) sink(stdout io.Writer, format export.Format) (func(context.Context, export.Source, string) error, error) {
	if x.out == "-" {
		out := bufio.NewWriter(stdout)
		w := format.Open(out)
		return func(ctx context.Context, from export.Source, id string) error {
			if err := export.Copy(ctx, w, from, id); err != nil {
				return err
			}
			return out.Flush()
		}, nil
	}
	if err := os.MkdirAll(x.out, 0o700); err != nil {
		return nil, err
	}
	return func(ctx context.Context, from export.Source, id string) error {
		name := url.PathEscape(id) + "." + format.Name // an id may have a slash in it
		return wholeFile(filepath.Join(x.out, name), func(w io.Writer) error { return export.Copy(ctx, format.Open(w), from, id) })
	}, nil
}

// wholeFile makes a file that only its owner reads, whole or not at all.
func wholeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	out := bufio.NewWriter(f)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// progress says how far it is, once a second, when it takes long.
func (x *exporter) progress(w io.Writer, now time.Time) {
	if now.Sub(x.since) < 2*time.Second || now.Sub(x.told) < time.Second {
		return
	}
	x.told = now
	fmt.Fprintf(w, "%d calls written\n", x.written)
}
