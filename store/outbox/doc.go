// Package outbox tells other systems what happens to calls: by webhooks, and by a file of call detail records.
//
//	store.Outbox ── Take ──► Courier ──► Deliver: POST, or a line in a file
//	      ▲                     │
//	      ├────── Done ─────────┤ taken
//	      └────── Bury ─────────┘ refused for good, or tried too often
//
// The store keeps the events until they are Done, so a restart loses none; what was taken and not dealt with is taken
// again, by any node. Receivers may therefore get an event twice, and know it by its id.
//
// Each receiver has a courier of its own: one that is slow or away holds no other up. While a receiver is away its events
// wait in order.
package outbox
