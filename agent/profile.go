package agent

import (
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/transcode"
)

// Profile is one agent's character and manners. Texts may hold variables, see [Expand]. The zero value of every group is
// a sensible agent.
type Profile struct {
	Name         string
	Instructions string
	// Greeting is what the agent says first; empty means that it waits for the caller.
	Greeting string
	// Language the agent speaks, in words or as a tag such as "de"; empty leaves it to the model.
	Language string
	// TimeZone of {{now}}; nil is UTC.
	TimeZone *time.Location

	Voice           string
	Format          realtime.AudioFormat // FormatUnknown: the caller's law
	Transcription   *realtime.Transcription
	TurnDetection   realtime.Opt[realtime.TurnDetection] // null: nothing is detected
	NoiseReduction  string
	Temperature     realtime.Opt[float64]
	MaxOutputTokens realtime.TokenLimit
	Speed           realtime.Opt[float64]
	ReasoningEffort string
	Tools           []string

	Interruption Interruption
	Idle         Idle
	Limit        Limit
	Filler       Filler
	Silence      Silence
	Fallback     Fallback
	Recording    *Recording // nil: calls are not recorded
	Renewal      Renewal
	Keys         Keys
	Prices       *Prices // nil: the cost of a call is not known
}

// Interruption says when the caller's voice stops the agent's.
type Interruption struct {
	// Confirm is how long a caller must speak until that is an interruption. Until then the agent is only held: a cough
	// lets it go on where it stopped. Zero takes every sound for one, at once.
	Confirm time.Duration
	// EchoGuard is the time at the beginning of each utterance of the agent in which speech does not yet stop it: it may
	// be its own echo. Speech that goes on longer does.
	EchoGuard time.Duration
	// ProtectGreeting lets nothing interrupt the greeting, ProtectNotices nothing the announcements of the system, such
	// as the warning before the end.
	ProtectGreeting, ProtectNotices bool
}

// Idle is what happens when the caller says nothing at all.
type Idle struct {
	After   time.Duration // of silence on both sides; zero: never
	Prompts int           // how often the agent asks before it ends the call; zero: 2
	Ask     string        // what the model is told to do; empty: ask whether the caller is still there
	Goodbye string        // the same for the end; empty: a short goodbye
}

// Limit bounds a call.
type Limit struct {
	Duration time.Duration // zero: none of its own
	Warning  time.Duration // the agent says so this long before; zero: it does not
	Notice   string        // what the model is told to say then; empty: that the call will end soon
}

// Filler is what the caller hears while a tool runs and nobody speaks.
type Filler struct {
	After time.Duration // zero: nothing is played
	Clip  *Clip         // repeated until the answer begins; nil: a soft tone
}

// Silence guards against answers that bring no sound.
type Silence struct {
	After time.Duration // an answer in progress without a sound for so long is given up; zero: 6 s
}

// Fallback is what a caller gets when the model gives no answer any more. Without any part the call is ended.
type Fallback struct {
	Clip     *Clip  // played first
	Transfer string // then the caller is transferred there
}

// Renewal keeps a call alive longer than its connection to the model.
type Renewal struct {
	Within    time.Duration // how long a lost connection is dialled again; zero: 15 s, negative: not at all
	Clip      *Clip         // heard when that takes longer than ClipAfter; nil: nothing
	ClipAfter time.Duration // zero: 1.5 s
	Lead      time.Duration // a new connection takes over this long before the session expires; zero: 1 min
	Age       time.Duration // or when it is so old; zero: only the expiry counts
}

// Keys are the caller's telephone keys.
type Keys struct {
	Pause  time.Duration // keys that come within it belong together; zero: 2 s
	Ignore bool          // the model is not told; tools and the transcript are
}

// Prices of a model, in a currency unit per million tokens.
type Prices struct {
	TextIn, TextCached, TextOut    float64
	AudioIn, AudioCached, AudioOut float64
	// Of the transcription of the caller, which is billed apart: by tokens, or by the minute.
	TranscribeIn, TranscribeOut, TranscribeMinute float64
}

// withDefaults fills in what a zero value stands for.
func (p Profile) withDefaults() Profile {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&p.Silence.After, 6*time.Second)
	set(&p.Renewal.Within, 15*time.Second)
	set(&p.Renewal.ClipAfter, 1500*time.Millisecond)
	set(&p.Renewal.Lead, time.Minute)
	set(&p.Keys.Pause, 2*time.Second)
	if p.Idle.Prompts == 0 {
		p.Idle.Prompts = 2
	}
	for text, def := range map[*string]string{&p.Idle.Ask: defaultAsk, &p.Idle.Goodbye: defaultGoodbye, &p.Limit.Notice: defaultNotice} {
		if *text == "" {
			*text = def
		}
	}
	return p
}

// What the model is told where a profile says nothing.
const (
	defaultAsk     = "The caller has been silent. Ask in one short sentence whether they are still there."
	defaultGoodbye = "The caller has not answered. Say in one short sentence that you end the call now, and goodbye."
	defaultNotice  = "Tell the caller in one short sentence that this call will end soon because its maximum duration is nearly reached."
)

// Clip is a sound of our own, in both laws.
type Clip struct{ law [2][]byte }

// NewClip makes a clip of 8 kHz samples.
func NewClip(samples []int16) *Clip {
	var c Clip
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		audio := make([]byte, len(samples))
		for i, s := range samples {
			audio[i] = law.Encode(s)
		}
		c.law[index(law)] = audio
	}
	return &c
}

// in is the clip's audio in a law.
func (c *Clip) in(law transcode.Law) []byte { return c.law[index(law)] }

func index(law transcode.Law) int {
	if law == transcode.PCMA {
		return 1
	}
	return 0
}
