package tools

// Recorded returns the arguments of a function call as they may be written down before the tool runs: compact, redacted,
// of bounded size. It is empty for an unknown tool, since nobody knows what to redact. [Outcome].Arguments is the same
// text afterwards.
func (r *Registry) Recorded(name, arguments string) string {
	t := r.lookup(name)
	if t == nil {
		return ""
	}
	return t.recorded(arguments)
}
