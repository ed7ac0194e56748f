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
	"syscall"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
)

// Exit codes; `trunkline help` lists them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitFound       = 3
	exitInterrupted = 130
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
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its world handed in, for the tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
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

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "trunkline",
		Short: "Answers phone calls with a speech-to-speech model",
		Long: `Trunkline answers calls from a SIP trunk and lets the caller talk with a speech-to-speech model over the
Realtime protocol (OpenAI, Azure, or any server that speaks it), runs the tools the model asks for, and keeps the transcript.

Start with "trunkline demo": it needs no key, no Redis and no trunk.`,
		Example: `  trunkline demo                              hold a demonstration call on this machine
  trunkline serve --config trunkline.yaml     run the service
  trunkline calls show CALL                   read a transcript`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w\nsee '%s --help'", err, cmd.CommandPath()))
	})
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "read", Title: "Read:"},
		&cobra.Group{ID: "try", Title: "Try and test:"})
	root.AddCommand(demoCommand(), serveCommand(), callsCommand(), callCommand(), simCommand(), configCommand(), versionCommand())
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
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	noColor := os.Getenv("NO_COLOR") != "" || !isFile || !isTerminal(file)
	return slog.New(tint.NewHandler(w, &tint.Options{Level: level, NoColor: noColor, TimeFormat: "15:04:05.000"}))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
