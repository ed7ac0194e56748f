package supervisor

import (
	"net/url"
	"strings"
)

// safeNext is where to go after the sign-in: a path of this server, and "/" for everything that could lead elsewhere.
// Browsers read \ as / and skip tabs and line ends, so that none of them may be in it.
func safeNext(next string) string {
	const home = "/"
	unfit := func(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }
	if len(next) > 2048 || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, unfit) {
		return home
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return home
	}
	// Redirects clean the path, and /.// would be // then.
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.") {
		return home
	}
	switch {
	case u.Path == "/sign-in", u.Path == "/sign-out", strings.HasPrefix(u.Path, "/oidc/"), strings.HasPrefix(u.Path, "/api/"):
		return home // nothing to look at
	}
	return next
}
