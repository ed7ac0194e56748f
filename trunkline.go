// Package trunkline answers phone calls that arrive over a SIP trunk and lets the caller talk with a speech-to-speech
// model over the Realtime protocol.
//
//	SIP trunk ──► telephony ──► agent ──► Realtime service
//	                              │ │
//	                      tools ◄─┘ └─► store
//
// This package wires the rooms together and is what a program with tools of its own imports:
//
//	registry := tools.NewRegistry()
//	tools.Add(registry, "order_status", "Looks up an order by its number.", lookUp)
//	cfg, err := configs.Load(configs.Options{Path: "trunkline.yaml", KnownTools: registry.Names()})
//	…
//	err = trunkline.Run(ctx, cfg, trunkline.WithTools(registry))
//
// The files: service (wiring and life), service_phones and service_tools (what the configuration says to them), desk (agent
// profiles), clips (their sounds), call (the life of one call), origin (where it comes from), dial (calls of ours), handover
// and briefing (callers who are put through), line (the phone as the agent sees it), archive (where transcripts go), metrics
// and admin (what an operator watches), tooling (the tools without a phone), check (whether what a configuration names is
// there: check_network, check_reach, check_services, check_store).
package trunkline
