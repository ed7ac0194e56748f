// Package phone is a telephone for tests, demos and load: it places a SIP call, or takes
// one, streams RTP in real time, follows a script ("wait until the agent is quiet, say
// this, barge in, press 1, hold, renew the keys, take the transfer") and reports what it saw, to the millisecond and the
// byte.
//
//	     script            ear: speaking? since when? quiet for how long?
//	       │                ▲
//	Call ──┤ Say, Digits    │ 20 ms frames
//	       ▼                │
//	  sipgo client      media.Session ◄──── RTP ────► the system under test
//	       └───────────── SIP, UDP or TCP ─────────►
//
// It is a peer, not a part of the service: it uses sipgo's client where the service
// has its own server, so that the two ends do not share their mistakes.
package phone
