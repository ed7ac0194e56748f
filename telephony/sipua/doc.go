// Package sipua is the SIP user agent that answers calls and places them: listeners,
// admission, validation, and one Dialog for each call (RFC 3261).
//
// Parsing, framing and transactions come from sipgo. Dialogs are ours, because a
// dialog is where calls are lost: requests handled in the wrong order, an ACK that
// is not recognised, a BYE sent to the wrong place.
//
//	UDP, TCP, TLS
//	   │   udpListener, tcpListener, tlsListener: who may speak? (Config.Admit, before
//	   │   parsing) and not too much? (floods); conn: not too slowly?
//	   │   a datagram that cannot be parsed: 400 or 416, limited in rate
//	   ▼
//	sipgo transport ── every message, in the order of the wire ──► arrive
//	   │                                                            · tags a new INVITE
//	   ▼   one goroutine for each request, any order                · sees every ACK
//	sipgo transaction (repeats absorbed, CANCEL → 487)              · notes CSeq numbers
//	   │
//	   ▼
//	handle ── screen: 400 405 406 416 420 505 … ──► outside a dialog: OPTIONS, INVITE
//	   │                                                   │
//	   │                                                   │ expected, authenticate: 403, 401
//	   │                                                   ▼
//	   └─► Dialog.serve: one request at a time,      Config.Invite(ctx, dialog)
//	       in CSeq order: BYE, re-INVITE, UPDATE,    returning from it ends the call
//	       PRACK, INFO, NOTIFY, OPTIONS              Dialog.Refer sends the peer elsewhere
//	                                                 Dialog.Reinvite, Update: offers of ours
//
// One offer is open at a time, whoever made it (claim.go); a call without a sign of life
// ends (timer.go); a 180 is sent reliably to who demands it (prack.go).
//
// UA.Dial places a call. The responses to its INVITE are taken from the wire by arrive,
// so that the Dialog stands before the peer's next request is looked at; from the 200 on
// it is a Dialog like any other.
//
// Who owns what: the goroutine that sipgo starts for an INVITE runs Config.Invite
// and belongs to that call until it is over; to a call of ours that of Dial's caller
// does. The context it is given is cancelled with the reason why the call must end:
// ErrCancelled, *ByeError, ErrNoACK, ErrNoDescription, ErrNoPRACK, ErrExpired, ErrGone or
// ErrShutdown. Timers that repeat a response or watch over the session belong to the
// Dialog. An INVITE that was given up is seen to its end by a goroutine of its own.
// Close ends everything and returns when the last goroutine has left.
//
// Connections have one way in, whoever opened them: conns bounds them, conn watches them,
// and sipgo gets them from a listener of ours. It opens none by itself; connect does.
//
// On our own account we send REGISTER (Registration) and OPTIONS (Qualifier). Where they
// go is found as RFC 3263 says, by SRV and addresses, with the next address when one
// fails. Connections for them are opened by us and then served like accepted ones, so
// calls come back on them. The addresses they go to are learned: what comes from there
// is admitted, though less is believed than of a listed source.
//
//	errand ── hops ── learned ── begin ── connect ──► peer
//	   │                                                │ 401, 407
//	   └────────────────── login ◄──────────────────────┘
//
// Nothing here writes a header, a body or a phone number to the log.
package sipua
