package supervisor

import (
	"strings"
	"testing"
)

func TestHashToken(t *testing.T) {
	// printf abc | sha256sum
	if got := HashToken("abc"); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}

func TestNewToken(t *testing.T) {
	a, b := NewToken(), NewToken()
	if a == b || len(a) != len("tl_")+43 || !strings.HasPrefix(a, "tl_") {
		t.Errorf("%s, %s", a, b)
	}
}

func TestFaultyTokens(t *testing.T) {
	good := HashToken("x")
	for _, c := range []struct {
		token Token
		says  string
	}{
		{Token{Name: "", Role: Viewer, SHA256: good}, "supervisor.tokens[1].name"},
		{Token{Name: "a\nb", Role: Viewer, SHA256: good}, "supervisor.tokens[1].name"},
		{Token{Name: strings.Repeat("a", 65), Role: Viewer, SHA256: good}, "supervisor.tokens[1].name"},
		{Token{Name: "eve", SHA256: good}, "supervisor.tokens[1].role"},
		{Token{Name: "eve", Role: Admin + 1, SHA256: good}, "supervisor.tokens[1].role"},
		{Token{Name: "eve", Role: Viewer, SHA256: "secret"}, "trunkline supervisor token"},
		{Token{Name: "eve", Role: Viewer, SHA256: good[:62]}, "supervisor.tokens[1].sha256"},
		{Token{Name: "eve", Role: Viewer, SHA256: HashToken("")}, "hash of nothing"},
		{Token{Name: "eve", Role: Viewer, SHA256: strings.ToUpper(HashToken(annasToken))}, `"anna" and "eve"`},
	} {
		first := Token{Name: "anna", Role: Viewer, SHA256: HashToken(annasToken)}
		_, err := New(Options{Archive: &doorArchive{}, SignIn: &SignIn{Tokens: []Token{first, c.token}}})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.token, err)
		}
	}
}

func TestFaultySignIn(t *testing.T) {
	for says, c := range map[string]*SignIn{
		"nobody could sign in":   {},
		"supervisor.session_key": {Tokens: someTokens.Tokens, Key: "short"},
	} {
		if _, err := New(Options{Archive: &doorArchive{}, SignIn: c}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
