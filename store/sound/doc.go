// Package sound keeps the recordings of calls: two channels, the caller left and the agent right, exactly as the G.711
// bytes came and went.
//
//	call ──► Recorder ── window of 3 s, both directions side by side ──► age (if wanted) ──► part/ID.wav[.age]
//	                                                                                             │ Finish
//	                                             YYYYMMDD/ID.wav[.age]  ◄────────────────────────┘
//	                                             in the directory, or in a bucket
//
// The day in the name is the one on which the recording is removed, so that Sweep removes whole days without looking a
// call up. Recordings without an end are under "kept".
//
// A file is a WAV header whose lengths are not filled in, and the bytes of both laws interleaved: what a crash leaves is a
// whole recording of what was written so far. It is served as 16 bit PCM, which every browser plays, with a header that
// is right; positions in it can be computed, so parts of it can be asked for.
//
// Nothing that is not to be heard is ever written: until the recording may begin, and while it pauses, the channels hold
// silence, and so the time in a recording is the time since the answer.
package sound
