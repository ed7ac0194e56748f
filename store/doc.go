// Package store keeps what was said: one record for each call and one entry for each line of its transcript.
//
// The call path writes through a [Writer], which never blocks: lines wait in a bounded queue, go to the backend in
// batches, and to a local file (the spool) when the backend is slow or away. Supervisors and the command line read
// through a [Reader]. Redis (redisstore) and an embedded file (boltstore) are the two backends; the suite in storetest
// holds both to the same behaviour.
//
//	conversation ──Append──► queue ──► loop ──► sender ──► Store ──► Call, Entries, Follow, List
//	  (never blocks)       (bounded)    │  ▲                Redis · bbolt      (supervisors, CLI)
//	                                    ▼  │
//	                             spool: JSON lines, replayed in order
//
// Three rules carry the rest:
//
//   - Every entry has an id that its call's own writer made ([ID]: unix milliseconds and a sequence number). Writing it
//     again is success and never a second line, so whoever lost an answer simply repeats.
//   - A running call holds a lease that its process renews. When the process dies, [Store].Sweep closes the call as
//     lost; a call swept too early comes back to life with its next renewal.
//   - Callers' numbers and words live in values, never in key names, and end with the call's expiry.
//
// Who works with calls has more: a [Labeller] sorts them under tags, a [Feeder] tells walls what happens, an [Outbox] hands
// events to other systems at least once, an [Auditor] remembers who did what, and [Search] looks for words. None of it
// takes longer the more calls there are: a page that would says how far it looked, and goes on from there.
//
// The package imports nothing else of this module.
package store
