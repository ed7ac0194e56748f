package realtime

import "encoding/json"

// sharedSession holds the session members that both dialects spell alike.
type sharedSession struct {
	Instructions Opt[string]    `json:"instructions,omitzero"`
	Tools        Opt[[]outTool] `json:"tools,omitzero"`
	ToolChoice   toolChoice     `json:"tool_choice,omitzero"`
}

// shareSession finds what would lose the whole update.
func shareSession(s *Session) (sharedSession, error) {
	choice, err := encodeChoice(s.ToolChoice, s.ToolName)
	if err == nil {
		err = checkTools(s.Tools.Or(nil))
	}
	return sharedSession{Instructions: s.Instructions, Tools: encodeTools(s.Tools), ToolChoice: choice}, err
}

// wireSession is a session as a server tells it, in either dialect.
type wireSession struct {
	ID           string           `json:"id"`
	Model        string           `json:"model"`
	ExpiresAt    seconds          `json:"expires_at"` // unix
	Instructions Opt[string]      `json:"instructions"`
	Tools        Opt[[]*wireTool] `json:"tools"`
	ToolChoice   toolChoice       `json:"tool_choice"`
	previewSession
	gaSession
}

type wireTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// session puts the pieces together. A well-behaved server tells one dialect's members only; of a mixed one GA's count.
func (w *wireSession) session() Session {
	if w == nil {
		return Session{}
	}
	s := Session{ID: w.ID, Model: w.Model, ExpiresAt: w.ExpiresAt.time(), Instructions: w.Instructions,
		Tools: mapOpt(w.Tools, decodeTools), ToolChoice: w.ToolChoice.kind, ToolName: w.ToolChoice.name}
	w.previewSession.fill(&s)
	w.gaSession.fill(&s)
	if t, _ := s.TurnDetection.Get(); t.Type == noTurns {
		s.TurnDetection = Null[TurnDetection]()
	}
	return s
}

// decodeTools keeps functions, which have a name; the other kinds are not ours.
func decodeTools(wire []*wireTool) []Tool {
	tools := make([]Tool, 0, len(wire))
	for _, t := range wire {
		if t != nil && t.Name != "" && (t.Type == "function" || t.Type == "") {
			tools = append(tools, Tool{Name: t.Name, Description: t.Description, Parameters: schema(t.Parameters)})
		}
	}
	return tools
}

// schema is nil for what is no object, as a Tool without arguments has it.
func schema(text json.RawMessage) json.RawMessage {
	if len(text) > 0 && text[0] == '{' {
		return text
	}
	return nil
}

// noTurns is the type by which the first Azure servers switch turn detection off; everybody else takes null.
const noTurns = "none"

// ownMembers keeps the members that belong to the type: servers refuse an update with the other type's.
func ownMembers(t TurnDetection) TurnDetection {
	switch t.Type {
	case noTurns:
		return TurnDetection{Type: noTurns}
	case "semantic_vad":
		return TurnDetection{Type: t.Type, Eagerness: t.Eagerness, CreateResponse: t.CreateResponse,
			InterruptResponse: t.InterruptResponse}
	}
	t.Eagerness = ""
	return t
}

func onlyText(mods []string) bool { return len(mods) == 1 && mods[0] == "text" }

// formatNames are the spellings of both dialects.
var formatNames = map[string]AudioFormat{
	"g711_ulaw": FormatPCMU, "g711_alaw": FormatPCMA, "pcm16": FormatPCM24,
	"audio/pcmu": FormatPCMU, "audio/pcma": FormatPCMA, "audio/pcm": FormatPCM24,
}

// readFormat reads a name or an object. A rate that the format does not have makes it unknown: played as if it were right,
// it would be noise.
func readFormat(data []byte) AudioFormat {
	if len(data) > 0 && data[0] == '"' {
		var name string
		if json.Unmarshal(data, &name) != nil {
			return FormatUnknown
		}
		return formatNames[name]
	}
	var object struct {
		Type string  `json:"type"`
		Rate float64 `json:"rate"`
	}
	if json.Unmarshal(data, &object) != nil {
		return FormatUnknown
	}
	f := formatNames[object.Type]
	rate := 8000.0
	if f == FormatPCM24 {
		rate = 24000
	}
	if object.Rate != 0 && object.Rate != rate {
		return FormatUnknown
	}
	return f
}

// inputPartName names the parts that both dialects spell alike. Assistant audio cannot be made by a client.
func inputPartName(k PartKind) string {
	switch k {
	case PartInputText:
		return "input_text"
	case PartInputAudio:
		return "input_audio"
	}
	return ""
}

func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}

func setOpt[T any](to *Opt[T], v Opt[T]) {
	if !v.IsZero() {
		*to = v
	}
}
