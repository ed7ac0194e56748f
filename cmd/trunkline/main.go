// Command trunkline answers phone calls from a SIP trunk and lets the caller talk with a speech-to-speech model.
//
// Each command is one file; all of them are thin: the work is done by the package trunkline and what it wires.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // time_zone works where the system has no zones, as in an empty container

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
)

// Exit codes; `trunkline --help` lists them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitFound       = 3   // check found something that does not work
	exitInterrupted = 130 // as a shell reports SIGINT
)

// exitError carries the exit code of a failure.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as the user's: wrong flags, a faulty configuration.
func usage(err error) error { return &exitError{exitUsage, err} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal finds no handler and ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its world handed in, for the tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := known(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	var coded *exitError
	switch {
	case errors.As(err, &coded):
		fmt.Fprintln(stderr, "trunkline:", err)
		return coded.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "trunkline:", err)
	return exitFailed
}

// known refuses commands that do not exist, on every level: by itself cobra shows the help of "calls" for "calls lsit"
// and is content.
func known(root *cobra.Command, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil // a shell asks for completions; cobra adds that command by itself
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	cmd, rest, err := root.Find(args)
	if err == nil && (!cmd.HasAvailableSubCommands() || len(rest) == 0 || strings.HasPrefix(rest[0], "-")) {
		return nil
	}
	return usage(fmt.Errorf("%s\nsee '%s --help'", noCommand(cmd, rest), cmd.CommandPath()))
}

func noCommand(cmd *cobra.Command, rest []string) string {
	text := fmt.Sprintf("there is no command '%s %s'", cmd.CommandPath(), rest[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(rest[0]); len(near) > 0 {
		text += fmt.Sprintf(", do you mean '%s'?", near[0])
	}
	return text
}

// noArgs is cobra.NoArgs in words that fit a command without commands below it.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("%q takes no arguments, only flags: what is %q?\nsee '%s --help'", cmd.CommandPath(), args[0], cmd.CommandPath()))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "trunkline",
		Short: "Answers phone calls with a speech-to-speech model",
		Long: `Trunkline answers calls from a SIP trunk and lets the caller talk with a speech-to-speech model over the Realtime
protocol (OpenAI, Azure, or any server that speaks it), runs the tools the model asks for, and keeps the transcript.
Start with "trunkline demo": it needs no key, no Redis and no trunk.

Exit codes: 0 done, 1 failed, 2 wrong flags or configuration, 3 check found a failure, 130 interrupted.`,
		Example: `  trunkline demo                              hold a demonstration call on this machine
  trunkline serve --config trunkline.yaml     run the service
  trunkline calls show CALL                   read a transcript`,
		Version:       trunkline.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w\nsee '%s --help'", err, cmd.CommandPath()))
	})
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "read", Title: "Read:"},
		&cobra.Group{ID: "try", Title: "Try and test:"}, &cobra.Group{ID: "other", Title: "Other:"})
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	root.AddCommand(demoCommand(), serveCommand(), callsCommand(), callCommand(), checkCommand(), toolsCommand(), simCommand(), configCommand(),
		supervisorCommand(),
		versionCommand())
	return root
}

// newLogger writes logs to w: text in colour on a terminal, JSON elsewhere or when format says so.
func newLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	file, isFile := w.(*os.File)
	if format == "" || format == "auto" {
		format = "json"
		if isFile && isTerminal(file) {
			format = "text"
		}
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
	}
	noColor := os.Getenv("NO_COLOR") != "" || !isFile || !isTerminal(file)
	return slog.New(tint.NewHandler(w, &tint.Options{Level: level, NoColor: noColor, TimeFormat: "15:04:05.000"}))
}

// readable writes durations as people do; slog's JSON has bare nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
