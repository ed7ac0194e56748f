package configs

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// hidden is what a secret prints as.
const hidden = "***"

// Secret is a text that is not shown: whichever way it is printed, logged or marshalled it gives ***, and nothing when
// it is empty. Only Reveal gives the text. The zero value is empty.
//
// In a file it may be written as file:NAME; Load then puts the contents of that file in its place.
type Secret struct {
	text *string // a pointer, so that fmt of a struct whose field is not exported shows an address, not the text
}

// NewSecret makes a secret of text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text. Give it to the service it is for, never to a message.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports that there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String is ***, or "" when there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format prints String for every verb.
func (s Secret) Format(f fmt.State, verb rune) { printHidden(f, verb, s.String()) }

// MarshalText gives String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives String.
func (s Secret) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, s.String()), nil }

// MarshalYAML gives String.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText takes text as the secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

func printHidden(f fmt.State, verb rune, text string) {
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text) // fmt.State keeps errors to itself
}

// fileName is the NAME of a text written as file:NAME, or file:///NAME as others write it.
func fileName(text string) (string, bool) {
	name, ok := strings.CutPrefix(text, "file:")
	if rest, slashes := strings.CutPrefix(name, "//"); slashes {
		name = rest
	}
	return name, ok && name != ""
}
