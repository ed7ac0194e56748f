// Package supervisor is the third user's window: it shows calls, live and past, over HTTP, and lets people act on them.
//
// It knows the transcripts as an [Archive], the running calls of this process as [Live] and the recordings as
// [Recordings]; who wires it gives it these. It owns no call and no transcript: everything it shows was written to the
// archive first, so that any node shows the calls of all.
//
//	browser ──► headers ─► origin ─► who? ─┬─► /             pages: wall, call, history      (html/template, lang/)
//	curl    ──►   CSP      CSRF    session │                  └ static/  ES modules, style
//	                                token  ├─► /api/v1/…     the same as JSON, server-sent events, exports
//	                                       └─► /sign-in …    tokens, OpenID Connect
//	                                              │
//	                 Archive ◄── reads, notes, tags, audit          Live ◄── hang up, transfer, tell, take off
//
// Nobody reads a transcript, listens, exports or deletes without an entry in the audit list.
package supervisor
