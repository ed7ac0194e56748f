// Package boltstore keeps transcripts in one file, for an installation without Redis. It is the only home of bbolt.
//
// The buckets mirror the Redis keys:
//
//	meta         CALL                          → record of the call
//	ev           CALL 00 MS SEQ                → line
//	idx:start    MS CALL                       → -
//	idx:agent    NAME 00 MS CALL               → -
//	idx:caller   HMAC 00 MS CALL               → -
//	idx:dialled  HMAC 00 MS CALL               → -
//	idx:tag      NAME 00 MS CALL               → -
//	idx:ended_by NAME 00 MS CALL               → -
//	idx:expire   MS CALL                       → -      what Sweep removes when its time has come
//	live         CALL                          → lease granted by Begin, MS
//	out          SEQ                           → event that some group has not seen
//	out:groups   GROUP                         → SEQ of the last event that the group was handed out
//	out:taken    GROUP 00 SEQ                  → event in flight, and since when
//	dead         GROUP 00 SEQ                  → event that the group could not deliver
//	audit        MS SEQ                        → who did what
//	sys          version, key                  → format of the file, secret of the HMAC
//
// MS and SEQ are eight bytes, big endian, so that the order of keys is the order of time. A record is its fields, each
// name and value behind its length. Every write is one transaction and is on disk when the method returns.
//
// One process has the file at a time. Renewals therefore stay in memory: when the process is gone, so are its calls.
// Follow is woken inside the process, and the feed of all calls is kept there. While no server runs, others may open the
// file for reading.
//
// What is deleted or has expired is gone for every reader at once; its bytes stay in free pages of the file until they
// are used again. Encrypt the disk where that matters.
package boltstore
