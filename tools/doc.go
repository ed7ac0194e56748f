// Package tools holds what the model may do besides talking: Go functions, signed webhooks, tools of MCP servers, operations
// of OpenAPI documents and a few built-in acts.
//
// A tool is a name, a sentence for the model, a JSON Schema and a handler. The agent offers the tools of its profile in
// session.update (see [Registry.Describe]) and hands every function call of a completed response to [Registry.Run].
// Run has one promise that the whole conversation rests on: whatever happens there is exactly one [Outcome], and its
// Output is a JSON text that can go back to the model as function_call_output. A Realtime server keeps a call without an
// output open for ever, and later answers go astray.
//
//	arguments ──► check ──────► gate ─────────► handler ──────► outcome ──► function_call_output
//	(untrusted)   JSON, size,   concurrency,    own goroutine,  cut, wrapped,
//	              schema        stuck limit,    recover         private errors
//	                │           deadline          │   │         hidden by a ref
//	                │             │               │   └── ignores its context: left behind, counted, capped
//	                └─────────────┴───────────────┴─────► {"error": "…"} in words the model can act on
//
// Three rules explain most of the code:
//
//   - The arguments were written by a machine that listens to a stranger. They are checked against the schema before
//     the handler sees them, and a fault names the member, what is wrong with it and what is allowed. Faults never
//     quote values, so that the text which helps the model may also be logged.
//   - The model repeats to the caller what it reads. A handler chooses its words with [Tell]; every other error is
//     private, goes to the log whole, and the model reads only a reference to it.
//   - A deadline is not a failure of the act. After a timeout the booking may exist, so the text says that nothing must
//     be assumed, and every run carries an idempotency key ([Call.Invocation]) that is the same when it is repeated.
//
// Five ways lead into the registry. What is added is checked there and then, with one exception:
//
//	Add          a Go function; its struct is the schema          the program's own logic
//	AddWebhook   an HTTP service of yours that takes our request  signed, repeated only when it may be
//	AddOpenAPI   an HTTP service that is there already            one tool for each operationId that is named
//	AddMCP       a server that says itself what it can do         one tool for each name that is allowed
//	AddCollect   a number that the caller presses                 may be kept from the model, and sent to a webhook
//
// The exception is AddMCP: the server may be down, and the telephone is answered all the same. Its tools come when it
// does, within a [Registry.Subset] too, answer at once that they are not available while it is away, and are left out of
// sessions that begin before they are known. [Registry.Ready] waits for them, as long as its context lets it.
//
// Schemas that others wrote are rewritten before a model reads them: references are written out, old keywords become new
// ones, and one of more than 16 KiB is refused, because every answer of every call is billed for it.
//
// The package imports nothing else of this module; what it needs of a phone line it asks through [Control].
package tools
