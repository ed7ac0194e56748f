package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: "other",
		Short:   "Print the version of this binary",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), trunkline.Version())
			return err
		},
	}
}
