package supervisor

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/trunkline/trunkline/store"
)

func TestUserHasSoManyStreams(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	var open []*sseClient
	for range maxUserStreams {
		open = append(open, s.followed("vera", "c", ""))
	}
	if p := s.refused(http.StatusTooManyRequests, "vera", "GET", "calls/c/follow", ""); p.Place != string(RefusedUser) {
		t.Errorf("refused for %q", p.Place)
	}
	s.refused(http.StatusTooManyRequests, "vera", "GET", "feed", "")
	other := s.followed("sam", "c", "")
	open[0].close()
	s.eventually("a stream is counted out", func() bool { return s.server.Streams().Open == maxUserStreams })
	open[0] = s.followed("vera", "c", "")
	if got := s.server.Streams(); got.Open != maxUserStreams+1 || got.Refused[RefusedUser] != 2 {
		t.Errorf("figures %+v", got)
	}
	for _, c := range append(open, other) {
		c.close()
	}
	s.eventually("all are counted out", func() bool { return s.server.Streams().Open == 0 })
	if n := len(s.server.api.streams.byUser); n != 0 {
		t.Errorf("%d users are remembered", n)
	}
}

func TestAllTogetherHaveSoManyStreams(t *testing.T) {
	s := newStreams()
	for i := range maxStreams {
		if _, err := s.enter(&User{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var p *problem
	if _, err := s.enter(&User{Name: "last"}); !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || s.refused[RefusedTotal] != 1 {
		t.Errorf("error %v, refused %v", err, s.refused)
	}
}

func TestCloseEndsStreamsAndNothingElse(t *testing.T) {
	s := newAPIStand(t)
	s.begin(store.Call{ID: "c", Agent: "sales"})
	c, w := s.followed("vera", "c", ""), s.wall("vera")
	c.until("record")
	s.server.Close()
	c.ends()
	w.ends()
	s.refused(http.StatusServiceUnavailable, "vera", "GET", "feed", "")
	s.refused(http.StatusServiceUnavailable, "vera", "GET", "calls/c/follow", "")
	get[callPage](s, "vera", "calls")
	if got := s.server.Streams(); got.Open != 0 || got.Refused[RefusedClosed] != 2 {
		t.Errorf("figures %+v", got)
	}
	s.server.Close() // once more does no harm
}
