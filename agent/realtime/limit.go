package realtime

import (
	"strconv"
	"strings"
)

// TokenLimit is max_output_tokens: unset, a number (1..4096), or Unlimited ("inf" on the wire).
type TokenLimit int

// Unlimited is the limit "inf".
const Unlimited TokenLimit = -1

// MarshalJSON writes a number, "inf", or null for unset.
func (t TokenLimit) MarshalJSON() ([]byte, error) {
	switch {
	case t == 0:
		return []byte("null"), nil
	case t < 0:
		return []byte(`"inf"`), nil
	}
	return strconv.AppendInt(nil, int64(t), 10), nil
}

// UnmarshalJSON reads a number, a number in quotes, "inf" or null. What is none of them is unset.
func (t *TokenLimit) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	*t = 0
	if text == "inf" {
		*t = Unlimited
	} else if n, err := strconv.Atoi(text); err == nil && n > 0 {
		*t = TokenLimit(n)
	}
	return nil
}

// String shows the limit as on the wire, "" when unset.
func (t TokenLimit) String() string {
	switch {
	case t == 0:
		return ""
	case t < 0:
		return "inf"
	}
	return strconv.Itoa(int(t))
}
