// Package media is the RTP side of one call leg: sockets, the far end's source
// address, a gapless timeline of what the caller says, key presses, and a paced
// stream of what is said to the caller. It knows no SIP and no model.
//
//	            ┌──────────────────────── Session ─────────────────────────┐
//	UDP ─► read │ latch ─► validate ─► digits ──────────────► Digits()      │
//	            │             └─► reorder ─► timeline ─► frame ─► sink(160) │
//	            │                                ▲ silence after 200 ms     │
//	            │                 ┌─ tick, 20 ms ┘                          │
//	UDP ◄─ write│ sender ◄────────┤               playout ◄── Play(id, …)   │
//	            └─────────────────┼─────────────────────────────────────────┘
//	                            Pacer, one for all sessions
//
// A Tap shows both directions, as they are, to recorders and listeners.
//
// RTCP reports both ways ride on the same ticks: what the far end says about our stream,
// and what we count of its own, make the Quality of the call.
//
// A call costs one goroutine (the reader), and a second one that sleeps on the RTCP port
// unless RTCP shares the port of RTP. Everything a Session knows is guarded
// by its mutex, which is held for about a microsecond at a time; neither
// direction allocates per packet. Samples are G.711 law bytes throughout: one
// byte is one sample of 1/8000 s, and nothing is decoded unless it was lost.
//
// What is on the wire may change in mid-call: Start again holds and resumes, moves to
// another address, or changes the law or the keys. Neither the queue nor the sink notices more than
// a pause.
//
// With keys (Params.SRTP) every packet is authenticated before anything is learnt from it,
// and what leaves is encrypted in the sender's own buffer; see shield and keyring.
//
// Sections quoted in comments are of RFC 3550 (RTP), RFC 3551 (the audio
// profile) and RFC 4733 (telephone events).
package media
