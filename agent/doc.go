// Package agent is the model's side of a call: it opens a Realtime session in the caller's own G.711 law, keeps the
// conversation, runs the tools the model asks for and writes down what was said and what was heard. A session that is
// lost or comes to its end is replaced under the call, which goes on.
//
//	Line (the phone)                          link (a Realtime connection; another takes over)
//	  Audio ──20 ms frames──► uplink ───────────► Send(input_audio_buffer.append)
//	  Player ◄── playback ◄── ┌──────────────┐ ◄── Recv (one reader, hands over and waits)
//	  Digits, Held ─────────► │ conversation │ ──► Send(everything else)
//	                          │  one loop    │
//	   tools ◄── toolcalls ◄──┤              ├──► scribe ──► Journal
//	                          └──────────────┘
//
// One goroutine, the conversation loop, owns all state of a call's conversation; the files beside it are its parts and
// are called by it alone, after each event:
//
//	responses  the only place that creates or cancels responses; wish says why one is wanted
//	bargein    what the caller's voice does to the agent's: nothing, a pause, or the end of the answer
//	playback   which item's audio is where: queued, on the wire, cut; voice turns it into the line's law
//	toolcalls  function calls of completed responses, one output each
//	handoff    another profile takes over, with the context kept
//	renew      a lost connection is dialled again, one that will end is replaced before; history is what the next is told
//	idle       a silent caller is asked; limits end the call; filler bridges a slow tool; fallback a silent model
//	farewell   an end that the caller can still prevent by speaking
//	keys       telephone keys, for a tool or in words for the model
//	scribe     turns in the order of the conversation, not of arrival
//	figures    what the call measured and cost
//
// Turn-taking is ours. The server detects when the caller speaks, but it neither answers nor, where a sound is not yet an
// interruption, cancels by itself: so no two responses ever meet, and a cough costs nothing.
//
// The package knows nothing of SIP or RTP. It sees the phone through Line, and the model through Model; both are small
// enough to be played by memory in a test, which is how the tests run whole calls in fake time.
package agent
