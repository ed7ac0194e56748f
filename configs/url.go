package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// URL is an address that may hold a password or a key, and so is treated as a secret: it prints without them, and only
// Reveal gives it whole. The zero value is empty. It may be written as file:NAME, like a [Secret].
type URL struct {
	secret Secret
}

// NewURL makes an address of text, which is not checked.
func NewURL(text string) URL { return URL{NewSecret(text)} }

// Reveal returns the address with everything in it.
func (u URL) Reveal() string { return u.secret.Reveal() }

// IsZero reports that there is no address.
func (u URL) IsZero() bool { return u.secret.IsZero() }

// publicQuery are the query members that are shown; any other may be a key.
var publicQuery = map[string]bool{"model": true, "deployment": true, "api-version": true, "intent": true, "db": true}

// String is the address with *** in place of password and query values that may be keys. An address that cannot be read
// is *** as a whole.
func (u URL) String() string {
	if u.IsZero() {
		return ""
	}
	parsed, err := url.Parse(u.Reveal())
	if err != nil || parsed.Scheme == "" || parsed.Host == "" && parsed.Scheme != "unix" {
		return hidden // perhaps not an address at all but a key in the wrong place
	}
	return parsed.Scheme + "://" + publicUser(parsed.User) + parsed.Host + parsed.EscapedPath() + publicValues(parsed.RawQuery)
}

// publicUser hides the password, and a user name that stands alone: some services take their token there.
func publicUser(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	if _, has := user.Password(); has {
		return url.User(user.Username()).String() + ":" + hidden + "@"
	}
	return hidden + "@"
}

func publicValues(query string) string {
	if query == "" {
		return ""
	}
	members := strings.Split(query, "&")
	for i, m := range members {
		name, _, hasValue := strings.Cut(m, "=")
		switch {
		case !hasValue:
			members[i] = hidden
		case !publicQuery[name]:
			members[i] = name + "=" + hidden
		}
	}
	return "?" + strings.Join(members, "&")
}

// GoString is String.
func (u URL) GoString() string { return u.String() }

// Format prints String for every verb.
func (u URL) Format(f fmt.State, verb rune) { printHidden(f, verb, u.String()) }

// MarshalText gives String.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// MarshalJSON gives String.
func (u URL) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// MarshalYAML gives String.
func (u URL) MarshalYAML() (any, error) { return u.String(), nil }

// LogValue implements slog.LogValuer.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// UnmarshalText takes text as the address. Whether it is one is checked when the whole configuration is known, because
// it may be the name of a file that holds the address.
func (u *URL) UnmarshalText(text []byte) error {
	*u = NewURL(string(text))
	return nil
}

// parse checks the address: one of the schemes, a host, no fragment. The error never quotes it, because what cannot be
// parsed may hold the password anywhere.
func (u URL) parse(schemes ...string) (*url.URL, error) {
	want := schemes[0] + "://HOST[:PORT]/PATH"
	parsed, err := url.Parse(u.Reveal())
	if err != nil {
		return nil, fmt.Errorf("cannot be read as an address; write %s, and percent-encode special characters in a password", want)
	}
	if !slices.Contains(schemes, parsed.Scheme) {
		return nil, fmt.Errorf("must begin with %s://", strings.Join(schemes, ":// or "))
	}
	if parsed.Hostname() == "" && parsed.Scheme != "unix" {
		return nil, fmt.Errorf("names no host; write %s", want)
	}
	if parsed.Fragment != "" {
		return nil, errors.New("has a # in it; percent-encode it as %23")
	}
	return parsed, nil
}
