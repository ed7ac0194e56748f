package configs

// Interruption says when the caller's voice stops the agent's. With any of it Trunkline decides, and not the service.
type Interruption struct {
	// ConfirmMS is how long a caller must speak until that is an interruption, 0 to 2000 ms; until then the agent is only
	// held, and a cough lets it go on. Default 0: every sound is one.
	ConfirmMS int `yaml:"confirm_ms" default:"0" min:"0" max:"2000"`
	// EchoGuardMS is the time at the beginning of each utterance of the agent in which speech does not stop it, 0 to
	// 3000 ms, because it may be its own echo. Default 0.
	EchoGuardMS int `yaml:"echo_guard_ms" default:"0" min:"0" max:"3000"`
	// Protect is what nothing interrupts: greeting, notices. Default: nothing.
	Protect []string `yaml:"protect" enum:"greeting|notices"`
}

// used reports that a setting has something to say in an interruption.
func (i *Interruption) used() bool { return i.ConfirmMS > 0 || i.EchoGuardMS > 0 || len(i.Protect) > 0 }

// Idle is what happens when the caller says nothing at all.
type Idle struct {
	// After so much silence on both sides the agent asks whether the caller is still there, up to 10 min; 0 never.
	// Default 0.
	After Duration `yaml:"after" default:"0s" max:"10m"`
	// Prompts is how often it asks before it says goodbye and ends the call, 1 to 5. Default 2.
	Prompts int `yaml:"prompts" default:"2" min:"1" max:"5"`
	// Ask is what the model is told to do. Default: to ask in one short sentence.
	Ask string `yaml:"ask"`
	// Goodbye is the same for the end. Default: to say goodbye in one short sentence.
	Goodbye string `yaml:"goodbye"`
}

// Filler is what the caller hears while a tool runs and nobody speaks.
type Filler struct {
	// After so much silence, up to 1 min; 0 for none. Default 1.5 s.
	After Duration `yaml:"after" default:"1.5s" max:"1m"`
	// Clip is repeated until the answer begins. Default: a soft tone.
	Clip Clip `yaml:"clip"`
}

// Fallback is what the caller gets when the model gives no answer any more. Without it the call is ended.
type Fallback struct {
	// Clip is played first. Default: none.
	Clip Clip `yaml:"clip"`
	// Transfer is where the caller is sent then, a number or a SIP URI that trunks[].transfers allow. Default: nowhere.
	Transfer string `yaml:"transfer"`
}

// Reconnect says what happens when the connection to the model is lost in a call.
type Reconnect struct {
	// Within so long it is dialled again, up to 5 min; 0 not at all. Default 15 s.
	Within Duration `yaml:"within" default:"15s" max:"5m"`
	// Clip is played when that takes longer than ClipAfter. Default: none.
	Clip Clip `yaml:"clip"`
	// ClipAfter is that time, 100 ms to 1 min. Default 1.5 s.
	ClipAfter Duration `yaml:"clip_after" default:"1.5s" min:"100ms" max:"1m"`
}

// Rotate says when a session is replaced before the service ends it. The caller does not notice.
type Rotate struct {
	// Lead is how long before its end, 10 s to 30 min. Default 1 min.
	Lead Duration `yaml:"lead" default:"1m" min:"10s" max:"30m"`
	// Age replaces it when it is so old, 1 min to 24 h; 0: only its end counts. Default 0.
	Age Duration `yaml:"age" default:"0s" max:"24h"`
}

// DTMF says what becomes of the keys that the caller presses.
type DTMF struct {
	// Pause is the time within which keys belong together, 200 ms to 10 s; # ends it at once. Default 2 s.
	Pause Duration `yaml:"pause" default:"2s" min:"200ms" max:"10s"`
	// Ignore keeps the keys from the model; tools and transcript have them all the same. Default false.
	Ignore bool `yaml:"ignore" default:"false"`
}

// setDefaults fills what depends on other members.
func (a *Agent) setDefaults() {
	a.TurnDetection.setDefaults()
	if t := a.Transcription; t != nil && t.Language == "" && twoLetters(a.Language) {
		t.Language = a.Language
	}
}

// twoLetters recognises the tags of ISO 639-1, which transcriptions take.
func twoLetters(s string) bool {
	return len(s) == 2 && 'a' <= s[0] && s[0] <= 'z' && 'a' <= s[1] && s[1] <= 'z'
}
