// Package realtime is the client side of the Realtime protocol: one vocabulary of events, two dialects on the wire, and a
// WebSocket connection that is made for a telephone call.
//
//	          one vocabulary                     two dialects                       one socket
//	Send ──► ClientEvent ── Encode ──► codec_ga      ──► outbox ──► writer ──────► server
//	                                   codec_preview     control │   one goroutine
//	                                                     audio   │   20 ms a message
//	Recv ◄── ServerEvent ◄─ Decoder ◄───────────────────────────── read by Recv ◄─ server
//
// Nothing outside this package knows a dialect. The dialect of an endpoint is configuration, never a guess; an encoder
// never mixes dialects, a decoder accepts the names of both, because mixed servers exist.
//
// Audio takes its own way through the package: an append is base64 written straight into a reused buffer, a delta is found
// by a byte scan (scan.go) and decoded where it lies. Both cost no allocation. Everything else is encoding/json.
//
// Send never waits for the network. Control events overtake audio; audio waits in a ring that is bounded in milliseconds,
// and what is too old is dropped and counted. A link that does not move for two seconds is dead: the connection ends with
// ErrStalled, and Recv says so. Every end of a connection is an error of Recv; IsFatal and IsRetryable tell what to do.
//
// Nothing that a server says ends a connection. A message that is no event, or longer than anyone needs, is passed over; a
// member of an odd type reads as left out, a number out of reach as 0. What is passed over or not read is counted in Stats,
// so that a protocol that moved on is seen.
//
// A call's way in is Dial, then Open, then Recv in a loop until it fails, then Close.
package realtime
