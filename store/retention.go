package store

import "time"

// Retention says how long calls are kept after their end. 0 is for ever.
type Retention struct {
	Default time.Duration
	Agents  map[string]time.Duration // of agents that have another
}

// Of is how long the calls of an agent are kept.
func (r Retention) Of(agent string) time.Duration {
	if d, ok := r.Agents[agent]; ok {
		return d
	}
	return r.Default
}

// Longest is how long any call is kept, 0 when some are kept for ever.
func (r Retention) Longest() time.Duration {
	longest := r.Default
	for _, d := range r.Agents {
		if longest <= 0 || d <= 0 {
			return 0
		}
		longest = max(longest, d)
	}
	return max(longest, 0)
}
