package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/export"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/transcode"
)

func callCommand() *cobra.Command {
	c := &callFlags{}
	cmd := &cobra.Command{
		Use:     "call SIP-URI",
		GroupID: "try",
		Short:   "Call a number with the built-in test phone",
		Long: `Places one SIP call, says clips, listens and reports what it measured. Each --say is said when the far end has been
quiet for a while; a WAV file of any sample rate, or the name of a built-in clip (rms-c01 … rms-c16, slt-c01 … slt-c16).`,
		Example: `  trunkline call sip:+15551230001@127.0.0.1:5060 --say rms-c03 --say question.wav --record heard.wav
  trunkline call 'sip:100@127.0.0.1:5060;transport=tcp' --law pcma --digits 123#`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("name one SIP URI to call, such as sip:+15551230001@127.0.0.1:5060\nsee '%s --help'", cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	cmd.Flags().StringArrayVar(&c.say, "say", nil, "WAV `file` or built-in clip to say; may be repeated")
	cmd.Flags().StringVar(&c.digits, "digits", "", "keys to press after the last clip")
	cmd.Flags().StringVar(&c.record, "record", "", "write what was heard to a WAV `file`")
	cmd.Flags().StringVar(&c.from, "from", "", "our number")
	cmd.Flags().StringVar(&c.law, "law", "", "offer only pcmu or pcma (default both)")
	cmd.Flags().DurationVar(&c.quiet, "quiet", 800*time.Millisecond, "how long the far end must be quiet before the next clip")
	return cmd
}

type callFlags struct {
	say                       []string
	digits, record, from, law string
	quiet                     time.Duration
}

func (c *callFlags) run(cmd *cobra.Command, to string) error {
	opts := phone.CallOptions{To: to, From: c.from, OnEvent: func(e phone.Event) {
		fmt.Fprintf(cmd.OutOrStdout(), "%7.1f  %s %s\n", e.At.Seconds(), e.Kind, export.Plain(e.Detail))
	}}
	var err error
	if opts.Laws, err = laws(c.law); err != nil {
		return usage(err)
	}
	if opts.Script, err = c.script(); err != nil {
		return usage(err)
	}
	if c.record == "" {
		return c.place(cmd, opts)
	}
	f, err := os.Create(c.record)
	if err != nil {
		return err
	}
	opts.Record = f
	return errors.Join(c.place(cmd, opts), f.Close())
}

func (c *callFlags) place(cmd *cobra.Command, opts phone.CallOptions) error {
	p, err := phone.New(phone.Config{Transport: transport(opts.To)})
	if err != nil {
		return err
	}
	r, err := p.Call(cmd.Context(), opts)
	if r.Answered > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "setup %d ms, %s, %s long; frames out %d, in %d, lost %d, jitter %.1f ms; ended by %s\n", r.Answered.Milliseconds(),
			r.Law, (r.Ended - r.Answered).Round(100*time.Millisecond), r.Media.PacketsOut, r.Media.PacketsIn, r.Media.Lost,
			float64(r.Media.Jitter.Microseconds())/1000, r.EndedBy)
	}
	return errors.Join(err, p.Close())
}

// transport is the one that the URI asks for.
func transport(uri string) string {
	if strings.Contains(strings.ToLower(uri), "transport=tcp") {
		return "tcp"
	}
	return "udp"
}

func (c *callFlags) script() ([]phone.Step, error) {
	steps := []phone.Step{phone.WaitQuiet{For: c.quiet}}
	for _, name := range c.say {
		samples, err := clip(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, phone.Say{Clip: samples}, phone.WaitQuiet{For: c.quiet})
	}
	if c.digits != "" {
		steps = append(steps, phone.Digits{Keys: c.digits}, phone.Pause{For: time.Second})
	}
	return steps, nil
}

// clip is a built-in clip, or a WAV file.
func clip(name string) ([]int16, error) {
	if samples, _, ok := simulator.CallerClip(name); ok {
		return samples, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w; built-in clips are %s", err, strings.Join(simulator.CallerClips(), " "))
	}
	defer f.Close()
	wav, err := transcode.ReadWAV(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return transcode.Resample(wav.Samples, wav.Rate, transcode.SampleRate), nil
}

func laws(name string) ([]transcode.Law, error) {
	switch strings.ToLower(name) {
	case "":
		return nil, nil
	case "pcmu":
		return []transcode.Law{transcode.PCMU}, nil
	case "pcma":
		return []transcode.Law{transcode.PCMA}, nil
	}
	return nil, fmt.Errorf("--law %q is neither pcmu nor pcma", name)
}
