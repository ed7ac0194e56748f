// Package telephony takes phone calls and places them: it joins signalling (sipua), session
// descriptions (sdp) and audio (media) into calls, and is all that the rest of the
// program knows of SIP.
//
//	INVITE ─► trunk known? ─► room? ─► offer usable? ─► port free? ─► Handler.ServeCall(ctx, call)
//	            403/silence    503      488               503            │ Ring, Answer, Reject
//	                                                                     │ call.Media(): audio both ways
//	BYE, CANCEL, silence on the line, length limit, shutdown ─► ctx ends, its cause is an *Ended
//	                                                                     ▼
//	                                              return ─► BYE if answered, media closed, all joined
//
// While it goes on the caller's side may put the call on hold and resume it, move its
// audio and change the law (re-INVITE, UPDATE): Call.Held tells, the audio waits, and
// the handler's law stays. Call.Transfer sends the caller elsewhere (REFER), to where
// Trunk.Transfers allows.
//
// CallInfo says who calls whom: networks write it in many places and forms, which Trunk
// settings name, and numbers come out in one form ("+" and the digits of E.164). What only
// a network can know counts only from a trunk that is trusted; a wish for privacy counts
// always.
//
// Audio is encrypted when the caller's side offers keys for it, or not at all, or always:
// Trunk.SRTP.
//
// A trunk is known by the addresses of its peer, by the password of its callers
// (Trunk.Auth, asked before anything of the call begins), or by our registration at it
// (Trunk.Register). Trunk.Qualify watches whether the peer answers. Registrations begin
// with Serve and end with Drain, Shutdown or Close.
//
// Server.Dial places a call, to where Trunk.Dials allows, and hands it answered to a
// Handler of its own. Bridge lets two calls hear each other without an agent until one of
// them ends; the other one goes on where it was.
//
// A call lives in one goroutine, in Handler.ServeCall. Returning from it ends the
// call; a panic in it ends that call alone. While it runs the context says whether the
// call is still there and, by its cause, how it ended.
package telephony
