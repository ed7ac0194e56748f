package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

func callsSearchCommand() *cobra.Command {
	flags, filter, limit := &storeFlags{}, &filterFlags{}, 0
	cmd := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find calls in which all of some words were said in one line, newest first",
		Long: `Finds calls in which one line has all of some words: what was said, noted or pressed, or the name, the arguments or
the result of a tool. Capital letters and accents make no difference. Without --since, --agent, --caller, --dialled or
--tag it looks back one day.`,
		Example: `  trunkline calls search refund
  trunkline calls search order 4271 --since 168h --agent frontdesk`,
		Args: someWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.read(cmd, func(ctx context.Context, r store.Reader) error {
				found, err := store.Search(ctx, r, filter.asked(), strings.Join(args, " "), limit)
				if err != nil {
					return err
				}
				if err := printFound(cmd.OutOrStdout(), found, flags.json); err != nil {
					return err
				}
				printMore(cmd, found.Next, found.Back, len(found.Hits) == 0, "calls with these words")
				return nil
			})
		},
	}
	flags.add(cmd)
	filter.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", store.DefaultHits, "calls on one page")
	return cmd
}

func someWords(cmd *cobra.Command, args []string) error {
	if strings.TrimSpace(strings.Join(args, "")) == "" {
		return usage(fmt.Errorf("name the words to look for\nsee '%s --help'", cmd.CommandPath()))
	}
	return nil
}

// hitJSON is what --json prints of a call that was found.
type hitJSON struct {
	Call  store.Call    `json:"call"`
	Lines []store.Entry `json:"lines"`
}

func printFound(w io.Writer, found store.Found, asJSON bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, hit := range found.Hits {
		if asJSON {
			if err := enc.Encode(hitJSON{export.CallOf(&hit.Call), export.EntriesOf(hit.Lines)}); err != nil {
				return err
			}
			continue
		}
		c := &hit.Call
		fmt.Fprintf(w, "%s  %s  %s  %s\n", c.ID, c.Started.Local().Format(time.DateTime), export.Plain(c.Agent), orDash(c.Caller))
		p := newPrinter(w, c.Started)
		for _, e := range hit.Lines {
			p.entry(e)
		}
	}
	return nil
}
