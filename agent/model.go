package agent

import (
	"context"
	"fmt"

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

// session is the session.update that opens a session of the profile on a line of the given law, and that turns a running
// one into it. The formats stand in every update: some servers reset them in one that leaves them out.
func (p *Profile) session(law transcode.Law, tools []realtime.Tool, instructions string) realtime.Session {
	format := p.Format
	if format == realtime.FormatUnknown {
		format = formatOf(law)
	}
	s := realtime.Session{
		Instructions:    realtime.Some(instructions),
		InputFormat:     format,
		OutputFormat:    format,
		TurnDetection:   p.turnDetection(),
		Tools:           realtime.Some(tools),
		ToolChoice:      "auto",
		Temperature:     p.Temperature,
		MaxOutputTokens: p.MaxOutputTokens,
		Speed:           p.Speed,
		ReasoningEffort: p.ReasoningEffort,
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

// turnDetection names both switches, always: the server's answers would collide with ours, and a server that is told
// nothing gives them. The server may stop an answer by itself only when every sound of the caller is meant to.
func (p *Profile) turnDetection() realtime.Opt[realtime.TurnDetection] {
	if p.TurnDetection.IsNull() {
		return p.TurnDetection
	}
	td := p.TurnDetection.Or(realtime.TurnDetection{Type: "server_vad"})
	i := &p.Interruption
	atOnce := i.Confirm == 0 && i.EchoGuard == 0 && !i.ProtectGreeting && !i.ProtectNotices
	td.CreateResponse = realtime.Some(td.CreateResponse.Or(false))
	td.InterruptResponse = realtime.Some(td.InterruptResponse.Or(true) && atOnce)
	return realtime.Some(td)
}

// autoReply reports whether turn detection answers the caller by itself.
func (p *Profile) autoReply() bool {
	td, ok := p.turnDetection().Get()
	return ok && td.CreateResponse.Or(false)
}

// serverInterrupts reports whether the server cancels its response when the caller speaks.
func (p *Profile) serverInterrupts() bool {
	td, ok := p.turnDetection().Get()
	return ok && td.InterruptResponse.Or(true)
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
