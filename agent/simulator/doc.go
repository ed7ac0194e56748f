// Package simulator is a Realtime server: strict, scripted, and able to hear.
//
// It stands where the model service stands, so that Trunkline can be shown and
// tested without a key or a network. It is written from the protocol's
// documentation alone and shares no code with the client in agent/realtime: a
// mistake the two have in common would be seen by nobody. (Direct, the client's
// end of a connection within the process, is that client's code on purpose.)
//
// Strict: every client event is checked member by member, in the dialect the
// server was started with, and a refusal has the code, the param and the
// wording of the real service where these are known. A refused event changes
// nothing.
//
// Hearing: turns are found by an energy detector on the audio, decoded from the
// format that the session declared; what was said is found by correlating the
// turn with the known clips. Audio that was damaged on the way, or coded in the
// wrong law, is not recognised, and the caller's transcript shows it. Time is
// the audio that was appended: no audio, no progress.
//
// Speaking: a script (dialogue in states) picks the answer, spoken with
// recorded clips in ragged deltas several times faster than real time.
//
//	client events                                            server events
//	     │                                                        ▲
//	 tree · events    JSON → checked members, or a refusal        │
//	     ▼                                                        │
//	 Session.run ─── settings   what the session declared         │
//	     │       ─── conversation  items in order                 │
//	     │ audio                                                  │
//	 ear → detector → input buffer → recogniser → dialogue → response
//	decode  32 ms       turn          which clip   script     steps, paced
//
// One goroutine owns a session (Session.run) and one reads its connection (link:
// a WebSocket, or the lanes of Server.Direct); both have ended when ServeHTTP or
// Direct.Close returns. Faults that a test wants (a lost
// connection, a wrong format, a failed response) come from the script, from
// Server.SetFaults, or from the methods of Session.
package simulator
