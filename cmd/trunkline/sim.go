package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/export"
)

func simCommand() *cobra.Command {
	var opts simulator.Options
	var listen, script string
	cmd := &cobra.Command{
		Use:     "sim",
		GroupID: "try",
		Short:   "Run the Realtime simulator: a strict server with real speech",
		Long: `Runs a Realtime server on this machine that needs no key: it checks every client event as strictly as the real service
(and more helpfully), detects speech in the audio, recognises the built-in caller clips, and answers with speech clips
as a script says. Without --script it is the order line of "trunkline demo".`,
		Example: `  trunkline sim
  trunkline sim --dialect preview --listen 127.0.0.1:9100
  trunkline sim --script dialogue.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if script != "" {
				var err error
				if opts.Script, err = readScript(script); err != nil {
					return usage(err)
				}
			}
			opts.Observer = observe(cmd.OutOrStdout())
			sim, err := startSim(opts, listen)
			if err != nil {
				return err
			}
			defer sim.close()
			fmt.Fprintf(cmd.OutOrStdout(), "simulating a Realtime service (%s) at %s\n", opts.Dialect, sim.url)
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9100", "`address` to listen on; port 0 is any free port")
	cmd.Flags().StringVar(&opts.Dialect, "dialect", simulator.DialectGA, "ga or preview")
	cmd.Flags().StringVar(&script, "script", "", "dialogue, a YAML `file`")
	cmd.Flags().StringVar(&opts.RequireKey, "key", "", "refuse clients without this key")
	cmd.Flags().Float64Var(&opts.Speed, "speed", 10, "send answers so many times faster than they are spoken")
	cmd.Flags().DurationVar(&opts.Latency, "latency", 0, "pause from the end of a turn to the answer")
	return cmd
}

// readScript reads a dialogue. Faults name the file, and the line or the place in the dialogue.
func readScript(path string) (*simulator.Script, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s simulator.Script
	if err := configs.Strict(path, data, &s); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &s, nil
}

// observe writes what a simulator sees, one line an observation.
func observe(w io.Writer) func(simulator.Observation) {
	var mu sync.Mutex
	return func(o simulator.Observation) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "%s %s %-9s %s %s\n", o.At.Format("15:04:05.000"), o.Session, o.Kind, export.Plain(o.Name), export.Plain(o.Text))
	}
}

// runningSim is a simulator that listens.
type runningSim struct {
	url    string
	server *simulator.Server
	http   *http.Server
	gone   chan struct{}
}

func startSim(opts simulator.Options, listen string) (*runningSim, error) {
	server, err := simulator.New(opts)
	if err != nil {
		return nil, usage(err)
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen for Realtime clients: %w", errors.Join(err, server.Close()))
	}
	s := &runningSim{url: "ws://" + ln.Addr().String() + "/v1/realtime", server: server, gone: make(chan struct{}),
		http: &http.Server{Handler: server, ReadHeaderTimeout: 5 * time.Second}}
	go func() {
		defer close(s.gone)
		_ = s.http.Serve(ln) // ends with close
	}()
	return s, nil
}

func (s *runningSim) close() {
	_ = s.server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.http.Shutdown(ctx)
	<-s.gone
}
