package sipua

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestQualify(t *testing.T) {
	for _, transport := range transports {
		far := newFarEnd(t, func(req *sip.Request) *sip.Response { return newResponse(req, 404, "Not Found") })
		u := start(t, Config{Admit: strict})
		q, err := u.Qualify(QualifyConfig{Peer: "carrier", Server: far.uri(transport), Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "two answers", func() bool { return q.State().Known && len(far.seen()) > 1 })
		if s := q.State(); !q.Up() || s.Status != 404 || s.RTT <= 0 || s.Peer != "carrier" {
			t.Errorf("state %+v", s)
		}
		first, second := far.seen()[0], far.seen()[1]
		if first.Method != sip.OPTIONS || first.Recipient.String() != far.uri(transport) || first.CallID().Value() == second.CallID().Value() {
			t.Errorf("%s and %s", first.String(), second.String())
		}
	}
}

func TestQualifyNobody(t *testing.T) {
	far := newFarEnd(t, func(*sip.Request) *sip.Response { return nil })
	u := start(t, Config{Admit: strict})
	changes := make(chan QualifyState, 1)
	q, err := u.Qualify(QualifyConfig{Peer: "carrier", Server: far.uri("udp"), Interval: time.Second, Timeout: 100 * time.Millisecond,
		OnChange: func(s QualifyState) { changes <- s }})
	if err != nil {
		t.Fatal(err)
	}
	if !q.Up() {
		t.Error("down before the first question")
	}
	if s := recv(t, changes); s.Up || s.Peer != "carrier" || q.Up() {
		t.Errorf("told %+v", s)
	}
}

func TestQualifyConfigErrors(t *testing.T) {
	u := start(t, Config{})
	if _, err := u.Qualify(QualifyConfig{Server: "example.com"}); err == nil {
		t.Error("no URI, no error")
	}
	_ = u.Close()
	if _, err := u.Qualify(QualifyConfig{Server: "sip:192.0.2.1"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Down after two failures in a row, up with the first answer; 503 and 408 are failures.
func TestQualifierCounts(t *testing.T) {
	for _, c := range []struct {
		status int
		err    error
		up     bool
	}{{200, nil, true}, {404, nil, true}, {401, nil, true}, {500, nil, true}, {503, nil, false}, {408, nil, false}, {0, errDNSDown, false}} {
		var told []bool
		q := &Qualifier{cfg: QualifyConfig{Failures: 2, OnChange: func(s QualifyState) { told = append(told, s.Up) }}, state: QualifyState{Up: true}}
		q.learn(c.status, c.err, time.Millisecond)
		if !q.Up() {
			t.Errorf("%d: down after one question", c.status)
		}
		q.learn(c.status, c.err, time.Millisecond)
		if q.Up() != c.up || q.State().Status != c.status || (q.State().RTT == time.Millisecond) != c.up {
			t.Errorf("%d, %v: %+v", c.status, c.err, q.State())
		}
		q.learn(200, nil, 2*time.Millisecond)
		q.learn(c.status, c.err, time.Millisecond)
		if !q.Up() || len(told) != map[bool]int{true: 0, false: 2}[c.up] {
			t.Errorf("%d, %v: %+v, told %v", c.status, c.err, q.State(), told)
		}
	}
}

func TestQualifierPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		q := &Qualifier{cfg: QualifyConfig{Interval: 30 * time.Second, Failures: 2}}
		q.ask = func(context.Context) (int, error) {
			at = append(at, time.Now())
			return 200, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		begin := time.Now()
		go func() { q.run(ctx); close(done) }()
		after(time.Hour)
		cancel()
		<-done
		if at[0].Sub(begin) > 2*time.Second {
			t.Errorf("the first question after %v", at[0].Sub(begin))
		}
		different := false
		for i := 1; i < len(at); i++ {
			d := at[i].Sub(at[i-1])
			different = different || i > 1 && d != at[i-1].Sub(at[i-2])
			if d < 27*time.Second || d > 33*time.Second {
				t.Errorf("%v between two questions", d)
			}
		}
		if !different || len(at) < 100 {
			t.Errorf("%d questions in an hour, in chorus: %v", len(at), !different)
		}
	})
}
