package agent

import "github.com/trunkline/trunkline/transcode"

// voice turns the model's audio into the line's law. It trusts its ears and not what the server has confirmed: until it is
// sure how an answer is coded, mostly after 20 ms and at the latest after 200 ms of it, nothing is heard by the caller, and
// what it does not recognise never is. Wrong bytes are noise at full volume.
//
//	deltas ──► [sure?] ──► the law of the line ──► playback
//	              │ not yet: wait      another law: table · PCM 24 kHz: downsampler · unknown: nothing
//
// Owned by the conversation loop.
type voice struct {
	confirmed transcode.Coding // what the server said
	line      transcode.Law
	coding    transcode.Coding // what it is
	ear       *transcode.Recogniser
	sure      bool
	told      bool    // another format than confirmed was noted
	part      *spoken // that waiting belongs to
	waiting   []byte
	table     *[256]byte // another law → law of the line; nil when they are the same
	down      *transcode.Downsampler
	scratch   []byte
}

func newVoice(session, line transcode.Law) voice {
	return voice{confirmed: transcode.CodingOf(session), line: line, ear: transcode.NewRecogniser(session)}
}

// begin listens anew: another part begins.
func (v *voice) begin() {
	v.ear.Reset()
	v.sure = false
}

// hear takes audio of a part and returns what of the part may be played, in the line's law; valid until the next call.
func (v *voice) hear(part *spoken, audio []byte) []byte {
	if v.sure {
		return v.inLineLaw(audio)
	}
	v.part = part
	v.waiting = append(v.waiting, audio...)
	coding, sure := v.ear.Hear(audio)
	if !sure {
		return nil
	}
	v.sure = true
	v.decide(coding)
	return v.inLineLaw(v.take())
}

// rest is what a part that ends has left; the best guess must do for it.
func (v *voice) rest() (part *spoken, audio []byte) {
	part = v.part
	if len(v.waiting) > 0 {
		guess, _ := v.ear.Hear(nil)
		v.decide(guess)
	}
	return part, v.inLineLaw(v.take())
}

// drop forgets what waits: the caller has interrupted it.
func (v *voice) drop() { v.take() }

func (v *voice) take() []byte {
	audio := v.waiting
	v.part, v.waiting = nil, v.waiting[:0]
	return audio
}

func (v *voice) decide(coding transcode.Coding) {
	v.coding, v.table, v.down = coding, nil, nil
	switch coding {
	case transcode.CodingPCMU, transcode.CodingPCMA:
		law := transcode.PCMU
		if coding == transcode.CodingPCMA {
			law = transcode.PCMA
		}
		if law != v.line {
			v.table = transcode.Table(law, v.line)
		}
	case transcode.CodingPCM24:
		v.down = &transcode.Downsampler{Law: v.line}
	}
}

func (v *voice) inLineLaw(audio []byte) []byte {
	switch {
	case len(audio) == 0 || v.coding == transcode.UnknownCoding:
		return nil
	case v.down != nil:
		v.scratch = v.down.Append(v.scratch[:0], audio)
		return v.scratch
	case v.table == nil:
		return audio
	}
	v.scratch = v.scratch[:0]
	for _, b := range audio {
		v.scratch = append(v.scratch, v.table[b])
	}
	return v.scratch
}
