package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// Model is the Realtime side of a call.
type Model interface {
	// Send queues an event; it does not wait for the network. An error means the connection is lost.
	Send(ctx context.Context, ev realtime.ClientEvent) error
	// Recv returns the next event. It is called from one goroutine; an error ends the connection for good.
	// An *realtime.AudioDelta is valid until the next call.
	Recv(ctx context.Context) (realtime.ServerEvent, error)
	// Close ends the connection and returns when its goroutines are gone.
	Close(reason string) error
}

// Dialer connects to the model, applies want and returns the connection with the session as the server confirmed it.
type Dialer func(ctx context.Context, want realtime.Session) (Model, realtime.Session, error)

// Profile is one agent's character and manners.
type Profile struct {
	Name         string
	Instructions string
	// Greeting is what the agent says first; empty means that it waits for the caller.
	Greeting        string
	Voice           string
	Format          realtime.AudioFormat // FormatUnknown: the caller's law
	Transcription   *realtime.Transcription
	TurnDetection   realtime.Opt[realtime.TurnDetection]
	NoiseReduction  string
	Temperature     realtime.Opt[float64]
	MaxOutputTokens realtime.TokenLimit
	Speed           realtime.Opt[float64]
	Tools           []string
	// MaxDuration ends the conversation; zero means no limit of its own.
	MaxDuration time.Duration
}

// session is the session.update that starts a call on a line of the given law.
func (p *Profile) session(law transcode.Law, tools []realtime.Tool) realtime.Session {
	format := p.Format
	if format == realtime.FormatUnknown {
		format = formatOf(law)
	}
	s := realtime.Session{
		Instructions:    realtime.Some(p.Instructions),
		InputFormat:     format,
		OutputFormat:    format,
		TurnDetection:   p.TurnDetection,
		Tools:           realtime.Some(tools),
		ToolChoice:      "auto",
		Temperature:     p.Temperature,
		MaxOutputTokens: p.MaxOutputTokens,
		Speed:           p.Speed,
	}
	if p.Voice != "" {
		s.Voice = realtime.Some(p.Voice)
	}
	if p.Transcription != nil {
		s.Transcription = realtime.Some(*p.Transcription)
	}
	if p.NoiseReduction != "" {
		s.NoiseReduction = realtime.Some(p.NoiseReduction)
	}
	return s
}

func formatOf(law transcode.Law) realtime.AudioFormat {
	if law == transcode.PCMA {
		return realtime.FormatPCMA
	}
	return realtime.FormatPCMU
}

// lawOf is the law of a confirmed format. Anything but G.711 cannot be played to a telephone as it is.
func lawOf(f realtime.AudioFormat) (transcode.Law, bool) {
	switch f {
	case realtime.FormatPCMU:
		return transcode.PCMU, true
	case realtime.FormatPCMA:
		return transcode.PCMA, true
	}
	return 0, false
}

// FormatError says that the server confirmed audio that a telephone cannot use: playing it would be loud noise.
type FormatError struct{ Input, Output realtime.AudioFormat }

// Error implements error.
func (e *FormatError) Error() string {
	return fmt.Sprintf("session confirmed with input %s and output %s instead of G.711: check the dialect and the model", e.Input, e.Output)
}
