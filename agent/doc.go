// Package agent is the model's side of a call: it opens a Realtime session in the caller's own G.711 law, keeps the
// conversation, runs the tools the model asks for and writes down what was said and what was heard.
//
//	Line (the phone)                          Model (the Realtime socket)
//	  Audio ──20 ms frames──► uplink ───────────► Send(input_audio_buffer.append)
//	  Player ◄── playback ◄── ┌──────────────┐ ◄── Recv (one reader, hands over and waits)
//	  Events ───────────────► │ conversation │ ──► Send(everything else)
//	                          │  one loop    │
//	   tools ◄── toolcalls ◄──┤              ├──► scribe ──► Journal
//	                          └──────────────┘
//
// One goroutine, the conversation loop, owns all state of a call's conversation; the files beside it are its parts and
// are called by it alone:
//
//	responses  the only place that creates or cancels responses
//	playback   which item's audio is where: queued, on the wire, cut
//	toolcalls  function calls of completed responses, one output each
//	scribe     turns in the order of the conversation, not of arrival
//	figures    what the call measured
//
// The package knows nothing of SIP or RTP. It sees the phone through Line, and the model through Model; both are small
// enough to be played by memory in a test, which is how the tests run whole calls in fake time.
package agent
