// Package transcode holds the arithmetic of telephone audio: the two G.711
// laws, loss concealment, level, WAV files, sample rates, and telling by its
// sound in which coding a stream is. It knows nothing of calls, sockets or
// models, allocates nothing on the per-frame path, and is the only home of the
// zaf/g711 tables.
//
// A call never leaves its law: when phone and model speak the same one, bytes
// are copied; when they differ, one table look-up per byte translates.
// Linear samples appear only where arithmetic needs them (concealment, levels)
// and where people need them (files).
//
// A model may answer in another coding than it confirmed, and wrong bytes are
// loud noise. A Recogniser hears the first 20 to 200 ms of an answer; what is
// PCM after all goes through a Downsampler.
//
//	phone law bytes ──────── Table(from, to) ────────► model law bytes
//	      │  ▲                                               8 bytes = 1 ms
//	      │  └── Concealer (a lost packet)                 160 bytes = 20 ms
//	   Decode
//	      ▼
//	  int16, 8 kHz ── Level · WAV ── Resample ──► int16, any rate
package transcode
