package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", GroupID: "read", Short: "Check and explain the configuration"}
	cmd.AddCommand(configShowCommand())
	return cmd
}

func configShowCommand() *cobra.Command {
	flags := &configFlags{}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print every setting in force and where it comes from",
		Long: `Reads the configuration as "serve" would and prints every setting in force with its source: flag, environment, file and
line, or default. Secrets are ***. Faults are printed with file, line and what to do; the exit code is then 2.`,
		Example: "  trunkline config show --config trunkline.yaml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			if err := cfg.Explain(cmd.OutOrStdout()); err != nil {
				return err
			}
			for _, warning := range cfg.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", warning.Error())
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}
