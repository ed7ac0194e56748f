package configs

import (
	"errors"
	"fmt"
	"strings"
)

// lookup finds a variable of the environment.
type lookup func(name string) (value string, ok bool)

// expand replaces ${NAME} and ${NAME:-default} in text and turns $${ into ${. The default is used when the variable is
// not set or empty, as in a shell. Errors name variables and never quote text, which may be part of a secret.
func expand(text string, env lookup) (string, error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if strings.HasSuffix(before, "$") {
			out.WriteByte('{') // the $ of $${ is out already
			text = after
			continue
		}
		inside, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", errors.New("has a ${ without its }; write $${ for the two characters themselves")
		}
		value, err := variable(inside, env)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = rest
	}
}

func variable(inside string, env lookup) (string, error) {
	name, def, hasDefault := strings.Cut(inside, ":-")
	if !validVariable(name) {
		return "", errors.New("has a ${…} that does not hold the name of a variable; write ${NAME} or ${NAME:-default}, or $${ for the two characters themselves")
	}
	value, set := env(name)
	if hasDefault && value == "" {
		return def, nil
	}
	if !set {
		return "", fmt.Errorf("${%s} is not set; set it, or write ${%s:-default}, where the default may be empty", name, name)
	}
	return value, nil
}

func validVariable(name string) bool {
	if name == "" || len(name) > 128 || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return !isAlnum(r) && r != '_' }) < 0
}
