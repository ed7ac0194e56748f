package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

// filterFlags say which calls are meant.
type filterFlags struct {
	query store.Query
	since time.Duration
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags, q := cmd.Flags(), &f.query
	flags.StringVar(&q.Agent, "agent", "", "only calls of this agent")
	flags.StringVar(&q.Caller, "caller", "", "only calls from this number")
	flags.StringVar(&q.Dialled, "dialled", "", "only calls to this number")
	flags.StringVar(&q.Tag, "tag", "", "only calls with this tag")
	flags.StringVar(&q.EndedBy, "ended-by", "", "only calls that caller, agent, system or supervisor ended")
	flags.StringVar(&q.Cause, "cause", "", "only calls that ended with these words, or a part of them")
	flags.DurationVar(&q.MinDuration, "min", 0, "only calls that lasted at least so long, such as 90s")
	flags.DurationVar(&q.MaxDuration, "max", 0, "only calls that lasted at most so long")
	flags.BoolVar(&q.Live, "live", false, "only calls that are going on")
	flags.DurationVar(&f.since, "since", 0, "only calls that began within this time, such as 24h")
	flags.StringVar(&q.Cursor, "cursor", "", "go on where the last page ended")
}

// asked is the query as of now.
func (f *filterFlags) asked() store.Query {
	q := f.query
	if f.since > 0 {
		q.From = time.Now().Add(-f.since)
	}
	return q
}

// printMore tells how to go on, and how far was looked when there is no more than time allowed.
func printMore(cmd *cobra.Command, next string, back time.Time, none bool, what string) {
	switch {
	case next != "" && !back.IsZero():
		fmt.Fprintf(cmd.ErrOrStderr(), "looked back to %s; more: --cursor '%s'\n", back.Local().Format(time.DateTime), next)
	case next != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor '%s'\n", next)
	case none:
		fmt.Fprintln(cmd.ErrOrStderr(), "no "+what)
	}
}

// tagged words the tags of a call.
func tagged(c *store.Call) string {
	if c.Tags == "" {
		return "-"
	}
	return strings.ReplaceAll(export.Plain(string(c.Tags)), " ", ",")
}
