// Package redisstore keeps transcripts in Redis 7 or a server that speaks like it. It is the only home of go-redis.
//
// All keys begin with one prefix. What belongs to one call shares one hash tag, so that it lies on one node of a Cluster
// and can be written in one MULTI; no command names keys of two calls.
//
//	tl:{CALL}:ev            stream       the lines; ids are those of the entries
//	tl:{CALL}:meta          hash         the record of the call
//	tl:idx:start:YYYYMMDD   sorted set   call id by start in ms, one set a day (UTC)
//	tl:idx:days             sorted set   which of these sets there are, by day number
//	tl:idx:agent:NAME       sorted set   the same by agent
//	tl:idx:caller:HMAC      sorted set   the same by caller; no number is in a key name
//	tl:idx:dialled:HMAC     sorted set   the same by the number that was called
//	tl:idx:tag:NAME         sorted set   the same by tag
//	tl:idx:ended_by:NAME    sorted set   the same by who hung up
//	tl:live                 sorted set   running calls by the end of their lease in ms
//	tl:feed                 stream       started, lines, ended, changed, deleted of all calls; the last 10,000 or so
//	tl:out                  stream       events for consumer groups, at least once each; the last 100,000 or so
//	tl:taken:GROUP          hash         where in tl:out the events are that the group was handed out
//	tl:dead:GROUP           stream       events that the group could not deliver; the last 10,000 or so
//	tl:audit                stream       who did what, for a year
//	tl:key                  string       secret of the HMAC when the configuration names none
//
// The order of writes makes a crash between two of them harmless. Begin writes the indexes, then the call: an index
// entry without a call, or of one that has changed, is passed over by readers. Finish writes the call, then the event of
// its end, and takes it off the live set last: a live entry of an ended call is passed over by readers, and Sweep repeats
// the event and removes it. Delete removes the index entries first, the call last. An event goes before what it tells of,
// in one pipeline with it: it may be announced twice, and has the same id then.
//
// An entry is added with an explicit id and only to a stream that exists (NOMKSTREAM), so that a late line cannot bring
// back a call that was deleted. An id that is "equal or smaller" than the last one is looked up: there already means
// written; missing means that it comes late, and the stream is rebuilt with it in its place.
//
// A crash of the server can take with it what it confirmed during the last two seconds, and a replica that becomes the
// master may never have heard of it. So each connection asks which life of which server it reached: the process, and the
// history that a master begins when it starts or takes over. The store tells the writer of every new life
// ([Store.Epoch]), and the writer repeats its latest lines. Ping asks every master of a Cluster, since one that is alive
// says nothing about the others.
//
// Reads that block have their own client: go-redis does not interrupt a blocked XREAD when a context is cancelled, and a
// few of them would starve a shared pool.
package redisstore
