package realtime

// sharedResponse holds the members of response.create that both dialects spell alike.
type sharedResponse struct {
	Instructions string         `json:"instructions,omitempty"`
	Tools        Opt[[]outTool] `json:"tools,omitzero"`
	ToolChoice   toolChoice     `json:"tool_choice,omitzero"`
}

func shareResponse(r *ResponseOptions) (sharedResponse, error) {
	choice, err := encodeChoice(r.ToolChoice, r.ToolName)
	if err == nil {
		err = checkTools(r.Tools.Or(nil))
	}
	return sharedResponse{Instructions: r.Instructions, Tools: encodeTools(r.Tools), ToolChoice: choice}, err
}

func responseVoice(r *ResponseOptions) Opt[voice] {
	if r.Voice == "" {
		return Opt[voice]{}
	}
	return Some(voice{r.Voice, r.VoiceIsID})
}

// wireResponse is a response as a server tells it, in either dialect.
type wireResponse struct {
	ID             string            `json:"id"`
	Status         string            `json:"status"`
	Details        wireDetails       `json:"status_details"`
	Output         []*wireItem       `json:"output"`
	Usage          *wireUsage        `json:"usage"`
	Metadata       map[string]string `json:"metadata"`
	ConversationID Opt[string]       `json:"conversation_id"`
	MaxTokens      TokenLimit        `json:"max_output_tokens"`

	// GA
	OutputModalities []string `json:"output_modalities"`
	Audio            gaAudio  `json:"audio"`
	// preview
	Modalities   []string      `json:"modalities"`
	Voice        Opt[voice]    `json:"voice"`
	OutputFormat previewFormat `json:"output_audio_format"`
	Temperature  Opt[float64]  `json:"temperature"`
}

// response reads the response of the event. An explicit null conversation means out-of-band in GA; in the other dialect
// it means that the server has nothing to say.
func (w *wireEvent) response() Response {
	r := w.Response
	if r == nil {
		return Response{}
	}
	out := Response{ID: r.ID, Status: r.Status, Reason: r.Details.Reason, Usage: r.Usage.usage(), Metadata: r.Metadata,
		ConversationID: r.ConversationID.Or(""),
		OutOfBand:      r.ConversationID.IsNull() && w.decoder.dialect == DialectGA}
	if r.Details.Error != nil {
		e := r.Details.Error.error()
		out.Error = &e
	}
	for _, it := range r.Output {
		out.Output = append(out.Output, it.item())
	}
	r.fill(&out)
	return out
}

// fill copies what the response was made with. Of a mixed server GA's members count.
func (r *wireResponse) fill(out *Response) {
	out.TextOnly = onlyText(r.OutputModalities) || onlyText(r.Modalities)
	out.Voice = r.Audio.Output.Voice.Or(r.Voice.Or(voice{})).name
	out.OutputFormat = AudioFormat(r.OutputFormat)
	set(&out.OutputFormat, AudioFormat(r.Audio.Output.Format))
	out.MaxOutputTokens, out.Temperature = r.MaxTokens, r.Temperature
}
