package media

import "time"

// Stats are the figures of one session since Open. Every packet, frame or byte
// that did not arrive where it should is in exactly one of them.
type Stats struct {
	// From the caller.
	PacketsIn, BytesIn uint64 // accepted from the proven source; payload bytes
	FramesIn           uint64 // 20 ms frames given to the sink, or to a joined session
	Unheard            uint64 // 20 ms frames with no sink attached
	PreAnswer          uint64 // packets before Start
	Foreign            uint64 // packets from addresses that have no claim
	Probation          uint64 // packets held until their source is proven (then counted in PacketsIn too)
	Bad                Bad    // packets that are no usable RTP
	OnHold             uint64 // packets from the source, not given to the sink: the call was on hold, or one-way
	ComfortNoise       uint64 // RFC 3389 packets, rendered as silence
	EventPackets       uint64 // RFC 4733 packets, several to a digit
	DigitsDropped      uint64 // digits nobody fetched in time

	// The timeline.
	Lost        uint64        // packets given up for lost
	LossBursts  uint64        // runs of them, of one or more in a row
	LossLongest uint64        // packets in the longest run
	Late        uint64        // packets that came after they were given up
	Duplicate   uint64        // packets seen before
	Reordered   uint64        // packets that arrived after a later one, in time
	Strays      uint64        // single packets of another SSRC or far-off sequence, dropped
	Resets      uint64        // new SSRC, sequence or timestamp base
	Concealed   time.Duration // speech invented for lost packets
	Silence     time.Duration // silence the RTP timestamps asked for: suppression, or loss past concealment
	Filled      time.Duration // silence by our own clock while nothing came
	Jitter      time.Duration // interarrival jitter, RFC 3550 §6.4.1
	SourceProof string        // how the source agrees with the SDP: "exact", "same address", …; "none" before
	SRTP        string        // the suite in force, "" for plain RTP

	// To the caller.
	PacketsOut, BytesOut uint64 // payload bytes, silence included
	AudioFrames          uint64 // of PacketsOut, those that carry played audio
	Spurts               uint64 // times that audio began after silence
	Underruns            uint64 // times that an unfinished item ran out of audio
	SkippedFrames        uint64 // frame times passed over after a stall of ours
	MutedFrames          uint64 // frame times not sent because the far end has never been heard
	HeldFrames           uint64 // frame times not sent because the far end does not want any: hold
	Relayed              uint64 // frames of a joined session
	RelayLate            uint64 // frames of silence in place of one of a joined session that had not come
	RelayDropped         uint64 // bytes of a joined session left out: on hold, behind other audio, or too many
	KeysDropped          uint64 // keys not pressed because the far end stopped taking telephone-event
	DroppedBytes         uint64 // audio over the queue's cap
	FlushedBytes         uint64 // audio taken back by Flush
	SendErrors           uint64 // packets the system refused to send

	Panics uint64 // in the readers, the pace or the sink; the first one gives the call up for lost

	Control ControlStats
}

// ControlStats count RTCP, in datagrams.
type ControlStats struct {
	In         uint64 // taken from the far end
	Out        uint64 // sent
	Foreign    uint64 // from addresses that have no claim, or no proof
	Malformed  uint64 // no compound as RFC 3550 A.2 wants it
	Byes       uint64 // BYE packets: signalling ends calls, not what anybody can forge
	SendErrors uint64 // that the system refused to send
}

// Bad counts unusable packets by reason.
type Bad struct {
	Short       uint64 // shorter than its own header
	Version     uint64 // not RTP version 2
	RTCP        uint64 // RTCP on the RTP port
	Padding     uint64 // impossible padding
	PayloadType uint64 // not negotiated
	Size        uint64 // empty, or longer than 200 ms
	Event       uint64 // broken or unknown telephone-event
	Auth        uint64 // not of the SRTP key: another's, changed on its way, or plain
	Replay      uint64 // SRTP that was seen before, or is too old to tell
}

// Total is the number of unusable packets.
func (b Bad) Total() uint64 {
	return b.Short + b.Version + b.RTCP + b.Padding + b.PayloadType + b.Size + b.Event + b.Auth + b.Replay
}

func (b *Bad) count(r badReason) {
	switch r {
	case badShort:
		b.Short++
	case badVersion:
		b.Version++
	case badRTCP:
		b.RTCP++
	case badPadding:
		b.Padding++
	case badPayloadType:
		b.PayloadType++
	case badSize:
		b.Size++
	case badEvent:
		b.Event++
	case badAuth:
		b.Auth++
	case badReplay:
		b.Replay++
	}
}
