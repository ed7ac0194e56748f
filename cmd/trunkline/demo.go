package main

import (
	"context"
	_ "embed" // demo.yaml
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
	"github.com/trunkline/trunkline/transcode"
)

// demo is what the flags of the command say.
type demo struct {
	once    bool
	dialect string
	path    string
	verbose bool
	law     string
	script  []phone.Step // what the caller does
	out     io.Writer
	errs    io.Writer
}

func demoCommand() *cobra.Command {
	d := &demo{script: demoScript()}
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: "run",
		Short:   "Hold a demonstration call on this machine",
		Long: `Starts the service with an embedded store on this machine's loopback, lets the built-in phone place a real SIP and RTP
call to it, and shows the conversation as it happens. The model is the built-in simulator: no key, no Redis, no trunk
and no root is needed, and every port is a free one. Then it stays up, so that any softphone on this machine can call.

With OPENAI_API_KEY in the environment the model is OpenAI's (TRUNKLINE_DEMO_MODEL names another than the default); with
AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and AZURE_OPENAI_DEPLOYMENT it is Azure's.`,
		Example: `  trunkline demo
  trunkline demo --once --law pcma
  OPENAI_API_KEY=sk-… trunkline demo`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out, d.errs = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&d.once, "once", false, "exit after the call")
	cmd.Flags().StringVar(&d.dialect, "dialect", simulator.DialectGA, "dialect of the simulator: ga or preview")
	cmd.Flags().StringVar(&d.law, "law", "pcmu", "what the phone offers: pcmu or pcma")
	cmd.Flags().StringVar(&d.path, "store", configs.Default().Store.Path, "`file` for the transcripts")
	cmd.Flags().BoolVarP(&d.verbose, "verbose", "v", false, "show the service's log")
	return cmd
}

func (d *demo) run(ctx context.Context) error {
	law, ok := map[string]transcode.Law{"pcmu": transcode.PCMU, "pcma": transcode.PCMA}[d.law]
	if !ok {
		return usage(fmt.Errorf("--law %q is neither pcmu nor pcma", d.law))
	}
	model, stop, err := d.model()
	if err != nil {
		return err
	}
	defer stop()
	show := &screen{out: d.out}
	service, err := d.service(model, show)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the phone hangs up first
	served := make(chan error, 1)
	go func() { served <- service.Serve(serving) }()
	address := phoneAddress(service)
	fmt.Fprintf(d.out, "answering at %s, model: %s\nwatch the call on %s\n\n", address, model.described, service.PageURL())
	report, err := d.call(ctx, phone.CallOptions{To: address, Laws: []transcode.Law{law}, OnEvent: show.phone})
	if report.Answered > 0 && ctx.Err() == nil {
		err = errors.Join(err, d.summary(ctx, service, &report))
	}
	if err == nil && !d.once {
		fmt.Fprintf(d.out, "\nstill answering at %s: call it with any softphone on this machine, and watch on %s; Ctrl-C ends\n", address, service.PageURL())
		<-ctx.Done()
	}
	cancel()
	return errors.Join(err, <-served)
}

// demoModel is the Realtime service of a demonstration.
type demoModel struct {
	entry     string   // of realtime in demo.yaml
	env       []string // what the entry and the file refer to
	described string
}

// model is the service that the environment names, or a simulator.
func (d *demo) model() (demoModel, func(), error) {
	none := func() {}
	azure, openai := os.Getenv("AZURE_OPENAI_ENDPOINT"), os.Getenv("OPENAI_API_KEY")
	switch {
	case azure != "":
		m, err := azureModel(azure)
		return m, none, err
	case openai != "":
		m := demoModel{entry: `{ name: demo, provider: openai, api_key: "${OPENAI_API_KEY}" }`, env: []string{"OPENAI_API_KEY=" + openai}, described: "OpenAI"}
		if name := os.Getenv("TRUNKLINE_DEMO_MODEL"); name != "" {
			m.entry = `{ name: demo, provider: openai, api_key: "${OPENAI_API_KEY}", model: "${DEMO_MODEL}" }`
			m.env = append(m.env, "DEMO_MODEL="+name)
		}
		return m, none, nil
	}
	sim, err := startSim(simulator.Options{Dialect: d.dialect, Latency: 250 * time.Millisecond}, "127.0.0.1:0")
	if err != nil {
		return demoModel{}, none, err
	}
	return demoModel{
		entry:     `{ name: demo, url: "${DEMO_URL}", dialect: "${DEMO_DIALECT}", model: simulator }`,
		env:       []string{"DEMO_URL=" + sim.url, "DEMO_DIALECT=" + d.dialect},
		described: "the simulator (" + d.dialect + "); set OPENAI_API_KEY to talk to a real one",
	}, sim.close, nil
}

func azureModel(endpoint string) (demoModel, error) {
	env := []string{"AZURE_ENDPOINT=" + endpoint}
	for _, name := range []string{"AZURE_OPENAI_API_KEY", "AZURE_OPENAI_DEPLOYMENT"} {
		value := os.Getenv(name)
		if value == "" {
			return demoModel{}, usage(fmt.Errorf("AZURE_OPENAI_ENDPOINT is set and %s is not: Azure needs its endpoint, key and deployment", name))
		}
		env = append(env, name+"="+value)
	}
	return demoModel{
		entry: `{ name: demo, provider: azure, endpoint: "${AZURE_ENDPOINT}", api_key: "${AZURE_OPENAI_API_KEY}", deployment: "${AZURE_OPENAI_DEPLOYMENT}" }`,
		env:   env, described: "Azure OpenAI, deployment " + os.Getenv("AZURE_OPENAI_DEPLOYMENT"),
	}, nil
}

func (d *demo) service(model demoModel, show *screen) (*trunkline.Service, error) {
	registry := tools.NewRegistry()
	if err := tools.Add(registry, "order_status", "Looks up an order by its number.", orderStatus); err != nil {
		return nil, err
	}
	cfg, err := d.config(model)
	if err != nil {
		return nil, err
	}
	level := slog.LevelError
	if d.verbose {
		level = slog.LevelDebug
	}
	return trunkline.New(cfg, trunkline.WithTools(registry), trunkline.WithTap(show.transcript),
		trunkline.WithLogger(newLogger(d.errs, level, "text")))
}

// config is demo.yaml with the model.
func (d *demo) config(model demoModel) (*configs.Config, error) {
	voice, transcription := "marin", "gpt-4o-transcribe"
	if d.dialect == simulator.DialectPreview {
		voice, transcription = "alloy", "whisper-1"
	}
	cfg, err := configs.Parse("demo.yaml", []byte(demoYAML+"  - "+model.entry+"\n"), configs.Options{
		Env:        append(model.env, "DEMO_STORE="+d.path, "DEMO_SOUND="+soundBeside(d.path), "DEMO_VOICE="+voice, "DEMO_TRANSCRIPTION="+transcription),
		KnownTools: []string{"order_status"},
	})
	if err != nil {
		return nil, usage(err)
	}
	cfg.Media.Ports = configs.PortRange{} // any free ones
	return cfg, nil
}

//go:embed demo.yaml
var demoYAML string

// orderStatus is the demonstration's tool: one order is known.
func orderStatus(_ context.Context, c *tools.Call, in struct {
	Order string `json:"order" jsonschema:"order number, digits only" pattern:"^[0-9]+$"`
}) (map[string]string, error) {
	if in.Order != "4271" {
		return nil, tools.Tell("there is no order %s", in.Order)
	}
	return map[string]string{"order": in.Order, "status": "shipped", "arrives": "Thursday"}, nil
}

// call lets the built-in phone hold the demonstration's dialogue.
func (d *demo) call(ctx context.Context, o phone.CallOptions) (phone.Report, error) {
	p, err := phone.New(phone.Config{})
	if err != nil {
		return phone.Report{}, err
	}
	o.From, o.Script = "+15550100001", d.script
	report, err := p.Call(ctx, o)
	return report, errors.Join(err, p.Close())
}

// demoScript is what the phone's caller does.
func demoScript() []phone.Step {
	clip := func(name string) []int16 {
		samples, _, _ := simulator.CallerClip(name)
		return samples
	}
	return []phone.Step{
		phone.WaitQuiet{For: 800 * time.Millisecond},
		phone.Say{Clip: clip("rms-c03")}, phone.WaitQuiet{For: 800 * time.Millisecond},
		phone.Say{Clip: clip("rms-c05")}, phone.WaitQuiet{For: 1500 * time.Millisecond},
		phone.Say{Clip: clip("rms-c01")},
		phone.SayOver{Clip: clip("rms-c12"), After: 1500 * time.Millisecond},
		phone.WaitQuiet{For: 5 * time.Second}, // an agent that does not hang up by itself is hung up on
	}
}

func phoneAddress(s *trunkline.Service) string {
	for _, a := range s.SIPAddrs() {
		if a.Transport == "udp" {
			return "sip:+15551230001@" + a.Addr.String()
		}
	}
	return ""
}

// screen shows a demonstration as it happens: the phone's side and the service's side, line by line.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	lines *printer // nil before the first line
}

func (s *screen) phone(e phone.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.begin(now.Add(-e.At))
	if text := phoneWords[e.Kind]; text != "" {
		s.lines.line(now, "phone", strings.TrimSpace(text+" "+e.Detail))
	}
}

// phoneWords are the events of the phone that are worth a line; what is said and heard the transcript tells.
var phoneWords = map[phone.EventKind]string{
	phone.Ringing: "ringing", phone.Answered: "answered", phone.Saying: "caller speaks for", phone.Heard: "agent speaks",
	phone.Silent: "agent is silent", phone.Ended: "ended by",
}

func (s *screen) transcript(_ string, entries []store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(time.Now())
	for _, e := range entries {
		s.lines.entry(e)
	}
}

// begin starts the clock at the first line. Guarded by mu.
func (s *screen) begin(at time.Time) {
	if s.lines == nil {
		s.lines = newPrinter(s.out, at)
	}
}

// summary tells what was measured and where the transcript is.
func (d *demo) summary(ctx context.Context, service *trunkline.Service, r *phone.Report) error {
	c, err := d.record(ctx, service)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nsetup %d ms (ringing after %d ms), %s, %s long\n", r.Answered.Milliseconds(), r.Ringing.Milliseconds(), r.Law,
		(r.Ended - r.Answered).Round(100*time.Millisecond))
	for i, t := range r.Turns {
		if t.Answered {
			fmt.Fprintf(d.out, "turn %d: agent's first sound %d ms after the caller's last\n", i+1, t.Latency.Milliseconds())
		}
	}
	for _, b := range r.BargeIns {
		fmt.Fprintf(d.out, "barge-in: agent silent %d ms after the caller began\n", b.Silence.Milliseconds())
	}
	fmt.Fprintf(d.out, "frames from the caller %d, to the caller %d, lost %d + %d; interruptions %d\n", c.FramesIn, c.FramesOut, c.FramesLost,
		r.Media.Lost, c.Interruptions)
	fmt.Fprintf(d.out, "\nthe transcript is in %s; read it with\n  %s calls show %s%s\n", d.path, program(), c.ID, d.storeFlag())
	return nil
}

// program is how this program was called, for a command that can be pasted.
func program() string {
	if filepath.Base(os.Args[0]) == "trunkline" {
		return os.Args[0]
	}
	return "trunkline"
}

func (d *demo) storeFlag() string {
	if d.path == configs.Default().Store.Path {
		return ""
	}
	return " --store " + d.path
}

// record waits until the call's record is closed.
func (d *demo) record(ctx context.Context, service *trunkline.Service) (store.Call, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	page, err := service.Store().List(ctx, store.Query{Limit: 1})
	if err != nil || len(page.Calls) == 0 {
		return store.Call{}, errors.Join(errors.New("the call is not in the store"), err)
	}
	c, after := page.Calls[0], ""
	for {
		entries, err := service.Store().Follow(ctx, c.ID, after)
		if errors.Is(err, store.ErrEnded) {
			return service.Store().Call(ctx, c.ID)
		}
		if err != nil {
			return c, err
		}
		after = entries[len(entries)-1].ID
	}
}
