package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/configs"
)

func serveCommand() *cobra.Command {
	flags := &configFlags{}
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: "run",
		Short:   "Answer calls as the configuration says",
		Long: `Answers calls as the configuration says, until SIGINT or SIGTERM. Then new calls are refused (503) while the running
ones go on, for limits.drain_timeout at most; a second signal ends them at once.

The file is that of --config, else of TRUNKLINE_CONFIG, else ./trunkline.yaml, else /etc/trunkline/trunkline.yaml. Flags
win over the environment (TRUNKLINE_…), which wins over the file; "trunkline config show" tells where each setting comes
from.`,
		Example: `  trunkline serve --config trunkline.yaml
  TRUNKLINE_LOG_LEVEL=debug trunkline serve
  trunkline serve --set sip.listen=udp://0.0.0.0:5080 --set limits.calls=100`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), cfg.Log.SlogLevel(), cfg.Log.Format)
			for _, w := range cfg.Warnings() {
				log.Warn(w.Error())
			}
			service, err := trunkline.New(cfg, trunkline.WithLogger(log))
			if err != nil {
				return err
			}
			for _, a := range service.SIPAddrs() {
				fmt.Fprintln(cmd.OutOrStdout(), "answering calls on", "sip:"+a.Addr.String()+";transport="+a.Transport)
			}
			if u := service.PageURL(); u != "" {
				fmt.Fprintln(cmd.OutOrStdout(), "calls can be read on", u)
			}
			if a := service.AdminAddr(); a != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "health and metrics on http://%s/\n", a)
			}
			defer closeAtSecondSignal(service, log)()
			return service.Serve(cmd.Context())
		},
	}
	flags.add(cmd)
	return cmd
}

// closeAtSecondSignal ends the calls when the operator, after a first signal that began the drain, sends another. The
// function it returns stops that. It listens from the start, so that no signal falls between two listeners.
func closeAtSecondSignal(service *trunkline.Service, log *slog.Logger) func() {
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var watch sync.WaitGroup
	watch.Go(func() {
		for range 2 {
			select {
			case <-signals:
			case <-done:
				return
			}
		}
		log.Warn("second signal: ending all calls")
		_ = service.Close()
	})
	return func() {
		signal.Stop(signals)
		close(done)
		watch.Wait()
	}
}

// configFlags are the flags of every command that reads the configuration.
type configFlags struct {
	path string
	set  []string // path=value
}

func (f *configFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "config", "c", "", "configuration `file` (default ./trunkline.yaml, then /etc/trunkline/trunkline.yaml)")
	// An array, because cobra's maps split values at commas, and lists are written with commas.
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "one setting, as `path=value`: sip.advertise=203.0.113.7; may be repeated")
}

func (f *configFlags) load() (*configs.Config, error) {
	overrides, err := f.overrides()
	if err != nil {
		return nil, usage(err)
	}
	cfg, err := configs.Load(configs.Options{Path: f.path, Overrides: overrides})
	if err != nil {
		return nil, usage(err)
	}
	return cfg, nil
}

// overrides are the settings of --set by path. The last one counts.
func (f *configFlags) overrides() (map[string]string, error) {
	all := make(map[string]string, len(f.set))
	for _, one := range f.set {
		path, value, ok := strings.Cut(one, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--set %q has no path and value: write --set sip.advertise=203.0.113.7", one)
		}
		all[path] = value
	}
	return all, nil
}
