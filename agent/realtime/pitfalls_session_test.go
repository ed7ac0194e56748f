package realtime_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
)

func TestP50BothLawsAreSpelledAsEachServerWants(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		for _, format := range []realtime.AudioFormat{realtime.FormatPCMU, realtime.FormatPCMA} {
			want := realtime.Session{InputFormat: format, OutputFormat: format}
			got, err := realtime.Open(r.t.Context(), r.connect(dialOptions{}), want, patience)
			if err != nil || got.InputFormat != format || got.OutputFormat != format {
				r.t.Errorf("%v: confirmed %v and %v, %v", format, got.InputFormat, got.OutputFormat, err)
			}
		}
	})
}

func TestP51PCMHasARateAndTheLawsHaveNone(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		for _, format := range []realtime.AudioFormat{realtime.FormatPCM24, realtime.FormatPCMU} {
			want := realtime.Session{InputFormat: format, OutputFormat: format}
			if got, err := realtime.Open(r.t.Context(), r.connect(dialOptions{}), want, patience); err != nil || got.OutputFormat != format {
				r.t.Errorf("%v: confirmed %v, %v", format, got.OutputFormat, err)
			}
		}
	})
}

func TestP54PacketsAreSentAsTheyComeOrInPiecesOf100ms(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		const frames = 250 // five seconds at once: the writer cannot follow one by one
		c := r.call(dialOptions{AudioQueue: time.Minute})
		for n := range frames {
			mustSend(r.t, c, frame(n))
		}
		r.eventually("all audio has arrived", func() bool { return r.session(0).Record().InputBytes == frames*160 })
		rec := r.session(0).Record()
		if rec.Appends > frames || rec.Appends < frames/5 || len(rec.Violations) > 0 {
			r.t.Errorf("%d messages for %d packets, refused: %+v", rec.Appends, frames, rec.Violations)
		}
		for n := range frames {
			if rec.Input[n*160] != byte(n) || rec.Input[n*160+159] != byte(n) {
				r.t.Fatalf("packet %d did not arrive whole and in its place", n)
			}
		}
	})
}

func TestP60OneBadMemberIsNamedAndNothingIsApplied(t *testing.T) {
	type change func(*realtime.Session)
	for name, c := range map[string]struct {
		dialect string
		change
		param string
	}{
		"temperature":     {simulator.DialectPreview, func(s *realtime.Session) { s.Temperature = realtime.Some(0.5) }, "session.temperature"},
		"effort":          {simulator.DialectGA, func(s *realtime.Session) { s.ReasoningEffort = "high" }, "session.reasoning"},
		"voice":           {simulator.DialectGA, func(s *realtime.Session) { s.Voice = realtime.Some("nobody") }, "session.audio.output.voice"},
		"noise reduction": {simulator.DialectPreview, func(s *realtime.Session) { s.NoiseReduction = realtime.Some("all") }, "session.input_audio_noise_reduction"},
	} {
		for _, faults := range []simulator.Faults{{}, {NoErrorEventID: true}} {
			r := newRig(t, simulator.Options{Dialect: c.dialect}, faults)
			conn, want := r.connect(dialOptions{}), pcmu()
			c.change(&want)
			_, err := realtime.Open(t.Context(), conn, want, patience)
			refused, ok := errors.AsType[*realtime.RefusedError](err)
			if !ok || !strings.HasPrefix(refused.Err.Param, c.param) || !realtime.IsFatal(err) || !strings.Contains(err.Error(), c.param) {
				t.Errorf("%s: %v, want a refusal that names %s", name, err, c.param)
			}
		}
	}
}

func TestP62NullEmptyAndZeroAreTold(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		want := pcmu()
		want.Instructions, want.Tools = realtime.Some(""), realtime.Some([]realtime.Tool{})
		want.TurnDetection, want.Transcription = realtime.Null[realtime.TurnDetection](), realtime.Null[realtime.Transcription]()
		got, err := realtime.Open(r.t.Context(), r.connect(dialOptions{}), want, patience)
		if err != nil || got.Instructions.Or("unset") != "" || len(got.Tools.Or([]realtime.Tool{{}})) != 0 || !got.TurnDetection.IsNull() {
			r.t.Errorf("%v: instructions %+v, tools %+v, turn detection %+v", err, got.Instructions, got.Tools, got.TurnDetection)
		}
		want.TurnDetection = realtime.Some(realtime.TurnDetection{Type: "server_vad", Threshold: realtime.Some(0.0),
			PrefixPaddingMS: realtime.Some(0), SilenceDurationMS: realtime.Some(0)})
		got, err = realtime.Open(r.t.Context(), r.connect(dialOptions{}), want, patience)
		vad := got.TurnDetection.Or(realtime.TurnDetection{})
		if err != nil || vad.Threshold.Or(1) != 0 || vad.PrefixPaddingMS.Or(1) != 0 || vad.SilenceDurationMS.Or(1) != 0 {
			r.t.Errorf("%v: turn detection %+v, want zeros", err, vad)
		}
		got, err = realtime.Open(r.t.Context(), r.connect(dialOptions{}), pcmu(), patience) // what is left out stays
		if err != nil || got.Instructions.Or("") == "" || got.TurnDetection.Or(realtime.TurnDetection{}).Type != "server_vad" {
			r.t.Errorf("%v: instructions %+v, turn detection %+v, want the server's own", err, got.Instructions, got.TurnDetection)
		}
	})
}

func TestP63TokenLimitsAreNumbersOrInf(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		for limit, confirmed := range map[realtime.TokenLimit]realtime.TokenLimit{0: realtime.Unlimited, realtime.Unlimited: realtime.Unlimited, 1: 1, 4096: 4096} {
			want := pcmu()
			want.MaxOutputTokens = limit
			got, err := realtime.Open(r.t.Context(), r.connect(dialOptions{}), want, patience)
			if err != nil || got.MaxOutputTokens != confirmed {
				r.t.Errorf("%q: confirmed %q, %v", limit, got.MaxOutputTokens, err)
			}
		}
	})
}

func TestP64TheHeaderOfTheOtherDialectIsFatal(t *testing.T) {
	beta := dialOptions{}
	beta.Header = map[string][]string{"Openai-Beta": {"realtime=v1"}}
	for name, c := range map[string]struct {
		dialect string
		options realtime.DialOptions
	}{"beta header at ga": {simulator.DialectGA, beta}, "no beta header at preview": {simulator.DialectPreview, dialOptions{}}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, simulator.Options{Dialect: c.dialect}, simulator.Faults{})
			c.options.URL = "ws://" + r.host + gaPath
			conn := r.connect(c.options) // the upgrade succeeds
			_, err := realtime.Open(t.Context(), conn, pcmu(), patience)
			if !realtime.WrongDialect(err) || !realtime.IsFatal(err) || !strings.Contains(err.Error(), "configure this service with dialect") {
				t.Errorf("%v, want the wrong dialect in plain words", err)
			}
			if end := untilEnd(t.Context(), conn); !realtime.IsFatal(end) {
				t.Errorf("the connection has ended with %v, want a fatal end", end)
			}
		})
	}
}
