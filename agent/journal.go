package agent

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// Journal takes the transcript of a call, line by line. It never blocks: it is called from the conversation loop.
type Journal interface {
	Append(callID string, entries ...store.Entry)
}

// Observer counts what the operator watches. All methods may be called from any goroutine and must not block.
type Observer interface {
	// Turn reports the time from the end of the caller's speech to the first frame of the answer on the wire.
	Turn(agent string, latency time.Duration)
	Interrupted(agent string)
	Tool(name, status string, took time.Duration)
	RealtimeError(kind string)
}
