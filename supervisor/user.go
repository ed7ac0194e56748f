package supervisor

import (
	"context"
	"slices"
)

// Role says what a user may do. Each includes those before it.
type Role int

// The roles.
const (
	Viewer     Role = iota + 1 // reads and follows calls, listens to recordings
	Supervisor                 // writes notes and tags, exports, acts on running calls
	Admin                      // deletes, reads the audit list
)

var roleNames = []string{Viewer: "viewer", Supervisor: "supervisor", Admin: "admin"}

// String is the name as it stands in the configuration.
func (r Role) String() string {
	if r < Viewer || r > Admin {
		return "nobody"
	}
	return roleNames[r]
}

// ParseRole reads a name; ok is false when it is none.
func ParseRole(name string) (r Role, ok bool) {
	i := slices.Index(roleNames[Viewer:], name)
	return Role(i) + Viewer, i >= 0
}

// User is somebody who signed in, or anybody on this machine when nobody has to.
type User struct {
	Name   string // for the audit list and as author of notes
	Role   Role
	Agents []string // whose calls they see; nil: everybody's
}

// May reports whether the user has the role or one above.
func (u *User) May(r Role) bool { return u.Role >= r }

// Sees reports whether the user may know of calls of the agent.
func (u *User) Sees(agent string) bool { return u.Agents == nil || slices.Contains(u.Agents, agent) }

type userKey struct{}

// with hands the user to the handlers.
func (u *User) with(ctx context.Context) context.Context { return context.WithValue(ctx, userKey{}, u) }

// userOf is who asks. A handler behind the sign-in always finds one.
func userOf(ctx context.Context) *User {
	u, _ := ctx.Value(userKey{}).(*User)
	if u == nil {
		return &User{Agents: []string{}} // sees nothing and may do nothing
	}
	return u
}
