package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/export"
)

func callsDeleteCommand() *cobra.Command {
	flags, d := &storeFlags{}, &deletion{}
	cmd := &cobra.Command{
		Use:   "delete [CALL]",
		Short: "Delete one call, or all calls of a caller, with what belongs to them",
		Long: `Deletes one call, or all calls from a number, with what belongs to them. It asks first, unless --yes is given. There is
no way back. A file that a running service holds is changed by that service.`,
		Example: `  trunkline calls delete 06h13r4h8ynm3v3h3n5ga57s
  trunkline calls delete --caller '+1 555 010 0001' --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (d.caller != "") || len(args) > 1 {
				return usage(fmt.Errorf("name one call, or a number with --caller\nsee '%s --help'", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.edit(cmd, func(ctx context.Context, e trunkline.Editor) error {
				if d.caller != "" {
					return d.ofCaller(ctx, cmd, e)
				}
				return d.one(ctx, cmd, e, args[0])
			})
		},
	}
	flags.config.add(cmd)
	cmd.Flags().StringVar(&flags.path, "store", "", "embedded `file` with the transcripts, instead of the configuration's store")
	cmd.Flags().StringVar(&d.caller, "caller", "", "delete all calls from this `number`, in any spelling")
	cmd.Flags().BoolVar(&d.yes, "yes", false, "do not ask")
	return cmd
}

// edit opens the store for changes, calls do, and closes the store.
func (f *storeFlags) edit(cmd *cobra.Command, do func(ctx context.Context, e trunkline.Editor) error) error {
	cfg, err := f.settings()
	if err != nil {
		return err
	}
	e, closeStore, err := trunkline.OpenEditor(cmd.Context(), cfg, nil)
	if errors.Is(err, fs.ErrNotExist) && cfg.Store.Redis == nil {
		return fmt.Errorf("there are no transcripts at %s: name another file with --store", cfg.Store.Path)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), e), closeStore())
}

// deletion is what is to be deleted.
type deletion struct {
	caller string
	yes    bool
}

func (d *deletion) one(ctx context.Context, cmd *cobra.Command, e trunkline.Editor, id string) error {
	c, err := e.Call(ctx, id)
	if err != nil {
		return unknownCall(id, err)
	}
	state := ""
	if c.Live() {
		state = ", which is going on"
	}
	if err := d.sure(cmd, fmt.Sprintf("delete call %s%s", c.ID, state)); err != nil {
		return err
	}
	if err := e.Delete(ctx, id); err != nil {
		return unknownCall(id, err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), "1 call deleted")
	return nil
}

func (d *deletion) ofCaller(ctx context.Context, cmd *cobra.Command, e trunkline.Editor) error {
	n, err := count(ctx, e, store.Query{Caller: d.caller, Limit: store.MaxPage})
	if err != nil {
		return err
	}
	if n > 0 {
		if err := d.sure(cmd, fmt.Sprintf("delete %s from %s", counted(n), export.Plain(d.caller))); err != nil {
			return err
		}
	}
	n, err = store.DeleteCaller(ctx, e, d.caller)
	fmt.Fprintln(cmd.OutOrStdout(), counted(n), "deleted")
	return err
}

// count turns all pages of a query.
func count(ctx context.Context, r store.Reader, q store.Query) (n int, err error) {
	for {
		page, err := r.List(ctx, q)
		if err != nil {
			return n, err
		}
		n += len(page.Calls)
		if q.Cursor = page.Next; q.Cursor == "" {
			return n, nil
		}
	}
}

func counted(n int) string {
	if n == 1 {
		return "1 call"
	}
	return fmt.Sprint(n, " calls")
}

// sure asks whether that is really wanted. Only "yes" is.
func (d *deletion) sure(cmd *cobra.Command, what string) error {
	if d.yes {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s? There is no way back. Type yes: ", what)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of the input is no yes
	if !strings.EqualFold(strings.TrimSpace(answer), "yes") {
		return errors.New("nothing was deleted")
	}
	return nil
}
