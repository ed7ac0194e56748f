package supervisor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// identity is what an issuer said of somebody: claims, not yet rights.
type identity struct {
	Name   string   `json:"n"`
	Values []string `json:"v"`           // of the role claim, those that are some role
	Agents []string `json:"a,omitempty"` // of the agents claim
	Mark   string   `json:"m"`           // of the configuration that it was asked by
}

// identify reads the claims of an ID token that was checked.
func (p *issuer) identify(id *oidc.IDToken) (identity, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return identity{}, fmt.Errorf("read the claims: %w", err)
	}
	who := identity{Name: nameOf(claims, id.Subject), Mark: p.mark}
	for _, value := range valuesOf(claims, p.RoleClaim) {
		if _, some := p.Roles[value]; some {
			who.Values = append(who.Values, value)
		}
	}
	if len(who.Values) == 0 {
		return identity{}, errNoRole
	}
	if p.AgentsClaim != "" {
		who.Agents = valuesOf(claims, p.AgentsClaim)
	}
	return who, nil
}

// userOf says what somebody may do by the configuration of now.
func (p *issuer) userOf(who identity) (u *User, ok bool) {
	if who.Mark != p.mark {
		return nil, false // other claims were asked for
	}
	u = &User{Name: who.Name}
	for _, value := range who.Values {
		u.Role = max(u.Role, p.Roles[value])
	}
	if p.AgentsClaim != "" && !slices.Contains(who.Agents, "*") {
		u.Agents = append([]string{}, who.Agents...) // none is not all
	}
	return u, u.Role >= Viewer
}

// nameOf is what the audit list calls somebody: the address of e-mail, unless the issuer says that it is not proven,
// or else the subject, which is never two people's.
func nameOf(claims map[string]any, subject string) string {
	email, _ := claims["email"].(string)
	if verified, said := claims["email_verified"]; validName(email) && (!said || verified == true) {
		return email
	}
	if validName(subject) {
		return subject
	}
	return HashToken(subject)[:32]
}

// valuesOf is a claim that holds a text or a list of texts. A dot in the name leads into an object, unless a claim has
// just that name, as those that are URLs do.
func valuesOf(claims map[string]any, name string) (values []string) {
	claim, ok := claims[name]
	for !ok {
		var first string
		if first, name, ok = strings.Cut(name, "."); !ok {
			return nil
		}
		claims, _ = claims[first].(map[string]any)
		claim, ok = claims[name]
	}
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		for _, v := range claim {
			if text, isText := v.(string); isText {
				values = append(values, text)
			}
		}
	}
	return values
}
