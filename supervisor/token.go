package supervisor

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Token lets one user in. The token itself is with the user alone.
type Token struct {
	Name   string   // of the user, at most 64 characters
	Role   Role     // what they may do
	Agents []string // whose calls they see; nil: everybody's
	SHA256 string   // what HashToken says of the token
}

// NewToken makes a token of 256 random bits. Guessing is hopeless, which is why a plain hash of it is safe to keep.
func NewToken() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return "tl_" + base64.RawURLEncoding.EncodeToString(random[:])
}

// HashToken is what stands in the configuration for a token: its SHA-256 in hex.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// member is somebody with a token. Static.
type member struct {
	user User
	hash string // as HashToken writes it
}

// Check finds what is wrong with a token. Errors begin with the key of the configuration.
func (t Token) Check() error {
	switch raw, err := hex.DecodeString(t.SHA256); {
	case !validName(t.Name):
		return fmt.Errorf("name: %q is no name of 1 to 64 printable characters", t.Name)
	case t.Role < Viewer || t.Role > Admin:
		return fmt.Errorf("role: the role of %q is none of viewer, supervisor, admin", t.Name)
	case err != nil || len(raw) != sha256.Size:
		return fmt.Errorf("sha256: that of %q is no SHA-256 in hex: make one with 'trunkline supervisor token'", t.Name)
	case strings.EqualFold(t.SHA256, HashToken("")):
		return fmt.Errorf("sha256: that of %q is the hash of nothing: make one with 'trunkline supervisor token'", t.Name)
	}
	return nil
}

// newMembers checks the tokens. Errors name the user and the key of the configuration.
func newMembers(tokens []Token) (all []member, err error) {
	seen := map[string]string{}
	for i, t := range tokens {
		hash := strings.ToLower(t.SHA256)
		fault := t.Check()
		if other, twice := seen[hash]; fault == nil && twice {
			fault = fmt.Errorf("sha256: %q and %q have the same token: make one for each", other, t.Name)
		}
		if fault != nil {
			err = errors.Join(err, fmt.Errorf("supervisor.tokens[%d].%w", i, fault))
			continue
		}
		seen[hash] = t.Name
		all = append(all, member{User{t.Name, t.Role, t.Agents}, hash})
	}
	return all, err
}

// validName reports whether a name is fit for the audit list.
func validName(name string) bool {
	unfit := func(c rune) bool { return !unicode.IsPrint(c) }
	return name != "" && len([]rune(name)) <= 64 && strings.TrimSpace(name) == name && !strings.ContainsFunc(name, unfit)
}

// byToken finds who has the token, or nil. It takes as long for each of them as for nobody.
func (d *door) byToken(token string) *member {
	hash, at := HashToken(token), -1
	for i, m := range d.members {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare([]byte(hash), []byte(m.hash)), i, at)
	}
	if at < 0 {
		return nil
	}
	return &d.members[at]
}
