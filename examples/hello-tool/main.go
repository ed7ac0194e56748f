// Command hello-tool is a complete agent with a tool of its own: it answers calls as ./trunkline.yaml or the file in
// TRUNKLINE_CONFIG says, and its agents may name the tool opening_hours.
package main

import (
	"context"
	"log"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// Day is what the model has to say to ask: its schema is made of this type, and checked before the handler runs.
type Day struct {
	Day string `json:"day" jsonschema:"day of the week" enum:"weekday|saturday|sunday"`
}

func openingHours(_ context.Context, c *tools.Call, in Day) (string, error) {
	c.Logger().Info("asked for opening hours")
	if in.Day == "sunday" {
		return "", tools.Tell("closed on sundays") // the model reads this; any other error it does not
	}
	return "nine to six", nil
}

func newRegistry() (*tools.Registry, error) {
	registry := tools.NewRegistry()
	return registry, tools.Add(registry, "opening_hours", "When the shop is open.", openingHours)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	registry, err := newRegistry()
	if err != nil {
		log.Fatal(err)
	}
	cfg, err := configs.Load(configs.Options{KnownTools: registry.Names()})
	if err != nil {
		log.Fatal(err)
	}
	if err := trunkline.Run(ctx, cfg, trunkline.WithTools(registry), trunkline.WithLogger(slog.Default())); err != nil {
		log.Fatal(err)
	}
}
