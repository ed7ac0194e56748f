package supervisor

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSealed(t *testing.T) {
	s := newSealer([]byte(someKey), "a")
	want := newSession()
	want.OIDC = &identity{Name: "anna", Agents: []string{"frontdesk"}}
	text := s.seal(want)
	var got session
	if !s.open(text, &got) || got.ID != want.ID || got.OIDC.Agents[0] != "frontdesk" {
		t.Errorf("%+v", got)
	}
	if s.seal(want) == text {
		t.Error("two seals are alike: the nonce is used again")
	}
	if newSealer([]byte(someKey), "b").open(text, &got) {
		t.Error("a seal for one purpose opens for another")
	}
	for i := range len(text) {
		changed := []byte(text)
		changed[i] ^= 1
		same, _ := base64.RawURLEncoding.DecodeString(string(changed))
		raw, _ := base64.RawURLEncoding.DecodeString(text)
		if string(same) != string(raw) && s.open(string(changed), &got) {
			t.Fatalf("byte %d may be changed", i)
		}
	}
}

func TestFlowIsNoSession(t *testing.T) {
	s := newSealer([]byte(someKey), "a")
	var got session
	if s.open(s.seal(flow{State: "x"}), &got) {
		t.Error("a value of another shape opens")
	}
}

// More agents than fit into a cookie: nobody is let in with half of a list.
func TestSessionThatDoesNotFit(t *testing.T) {
	s := newSessions([]byte(someKey))
	long := newSession()
	long.OIDC = &identity{Agents: []string{strings.Repeat("a", maxCookie)}}
	w := httptest.NewRecorder()
	if s.write(w, long, true) || len(w.Result().Cookies()) > 0 {
		t.Error("it is sent")
	}
	long.OIDC.Agents[0] = strings.Repeat("a", 2000)
	if !s.write(w, long, true) || len(w.Header().Get("Set-Cookie")) > 4096 {
		t.Error("2000 bytes of agents do not fit")
	}
}

func FuzzSession(f *testing.F) {
	s := newSessions([]byte(someKey))
	began := newSession()
	began.ID = "ours"
	good := s.seal.seal(began)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("")
	f.Add("AAAA")
	f.Add(strings.Repeat("A", maxCookie+1))
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{"__Host-trunkline=" + value}
		if got, ok := s.read(r, true); ok && got.ID != "ours" || !ok && got.ID != "" {
			t.Errorf("%q is taken for %+v", value, got)
		}
	})
}
