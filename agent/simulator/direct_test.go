package simulator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// connected runs f with a direct connection whose session is open.
func connected(t *testing.T, opts Options, direct DirectOptions, f func(t *testing.T, d *Direct, srv *Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		d, err := srv.Direct(t.Context(), direct)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close("test is over")
		s, err := d.Open(t.Context(), phoneSession)
		if err != nil {
			t.Fatal(err)
		}
		if s.InputFormat != realtime.FormatPCMU || s.ExpiresAt.IsZero() {
			t.Fatalf("session %+v", s)
		}
		f(t, d, srv)
	})
}

var phoneSession = realtime.Session{InputFormat: realtime.FormatPCMU, OutputFormat: realtime.FormatPCMU,
	Transcription: realtime.Some(realtime.Transcription{Model: "whisper-1"}),
	Tools:         realtime.Some([]realtime.Tool{{Name: "order_status"}})}

// until receives up to an event of type E and returns that, with the number of events before it.
func until[E realtime.ServerEvent](t *testing.T, d *Direct) (e E, before int) {
	t.Helper()
	for {
		ev, err := d.Recv(t.Context())
		if err != nil {
			t.Fatalf("waiting for %T: %v", e, err)
		}
		if x, ok := ev.(E); ok {
			return x, before
		}
		before++
	}
}

// TestDirectTalk is a whole dialogue through both codecs.
func TestDirectTalk(t *testing.T) {
	for _, name := range dialects {
		connected(t, Options{Dialect: name}, DirectOptions{}, func(t *testing.T, d *Direct, srv *Server) {
			_, text, _ := CallerClip("rms-c05")
			d.Session().SpeechStart()
			d.Session().SpeechStop(text)
			done, _ := until[*realtime.ResponseDone](t, d)
			call := done.Response.Output[len(done.Response.Output)-1]
			if call.Type != realtime.ItemFunctionCall || call.Arguments != `{"order":"4271"}` {
				t.Fatalf("%s: last output %+v", name, call)
			}
			for _, ev := range []realtime.ClientEvent{
				&realtime.AudioAppend{Audio: make([]byte, 160)},
				&realtime.ItemCreate{Item: realtime.Item{Type: realtime.ItemFunctionCallOutput, CallID: call.CallID, Output: "shipped"}},
				&realtime.ResponseCreate{},
			} {
				if err := d.Send(t.Context(), ev); err != nil {
					t.Fatal(err)
				}
			}
			until[*realtime.ResponseDone](t, d)
			if r := d.Session().Record(); len(r.Violations) > 0 || r.Appends != 1 || len(r.Calls) != 1 || r.Calls[0].Output != "shipped" {
				t.Errorf("%s: record %+v", name, r)
			}
		})
	}
}

// TestDirectDelays: messages take their time, in order, and may cross.
func TestDirectDelays(t *testing.T) {
	var mu sync.Mutex
	var trace []Message
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() time.Duration { return time.Duration(rng.Int64N(int64(300 * time.Millisecond))) }
	opts := DirectOptions{DownDelay: random, UpDelay: func() time.Duration { return 50 * time.Millisecond },
		Trace: func(m Message) {
			mu.Lock()
			defer mu.Unlock()
			m.Text = slices.Clone(m.Text)
			trace = append(trace, m)
		}}
	connected(t, Options{}, opts, func(t *testing.T, d *Direct, srv *Server) {
		began := time.Now()
		d.Send(t.Context(), &realtime.ResponseCreate{})
		until[*realtime.ResponseCreated](t, d)
		if took := time.Since(began); took < 50*time.Millisecond || took > 350*time.Millisecond {
			t.Errorf("created after %v", took)
		}
		until[*realtime.ResponseDone](t, d)
		mu.Lock()
		defer mu.Unlock()
		last := map[bool]time.Time{}
		for _, m := range trace {
			if m.Arrives.Before(last[m.FromServer]) || m.Arrives.Before(m.Sent) {
				t.Errorf("%s arrives at %v, sent %v", m.Text, m.Arrives, m.Sent)
			}
			last[m.FromServer] = m.Arrives
		}
		if len(trace) < 20 {
			t.Errorf("%d messages traced", len(trace))
		}
	})
}

// TestDirectEnds: the client learns each end as from a real connection.
func TestDirectEnds(t *testing.T) {
	later := func() time.Duration { return 10 * time.Millisecond }
	for name, c := range map[string]struct {
		do      func(*Session)
		code    int // of a CloseError
		err     error
		verdict func(error) bool
		after   time.Duration
	}{
		"close":   {do: func(s *Session) { s.CloseWith(1013, "busy") }, code: 1013, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
		"over":    {do: func(s *Session) { s.CloseWith(1000, "") }, code: 1000, verdict: func(err error) bool { return !realtime.IsRetryable(err) && !realtime.IsFatal(err) }, after: 10 * time.Millisecond},
		"policy":  {do: func(s *Session) { s.CloseWith(4000, "x") }, code: 4000, verdict: realtime.IsFatal, after: 10 * time.Millisecond},
		"drop":    {do: (*Session).Drop, code: 1006, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
		"expire":  {do: (*Session).Expire, code: 1001, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
		"junk":    {do: (*Session).SendBrokenFrame, code: 1006, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
		"freeze":  {do: (*Session).Freeze, err: realtime.ErrPingTimeout, verdict: realtime.IsRetryable, after: 20 * time.Second},
		"thawed":  {do: func(s *Session) { s.Freeze(); s.Drop() }, code: 1006, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
		"garbage": {do: func(s *Session) { s.SendText("{"); s.Drop() }, code: 1006, verdict: realtime.IsRetryable, after: 10 * time.Millisecond},
	} {
		connected(t, Options{}, DirectOptions{DownDelay: later, UpDelay: later}, func(t *testing.T, d *Direct, srv *Server) {
			began := time.Now()
			c.do(d.Session())
			var err error
			for err == nil {
				_, err = d.Recv(t.Context())
			}
			var end *realtime.CloseError
			if c.err == nil && (!errors.As(err, &end) || end.Code != c.code) || c.err != nil && !errors.Is(err, c.err) || !c.verdict(err) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != c.after {
				t.Errorf("%s: noticed after %v, want %v", name, took, c.after)
			}
			if again := d.Send(t.Context(), &realtime.ResponseCreate{}); again != err {
				t.Errorf("%s: send after the end: %v", name, again)
			}
		})
	}
}

// TestDirectSendsIntoTheVoid: what is sent to a session that is gone is lost without a word until Recv tells.
func TestDirectSendsIntoTheVoid(t *testing.T) {
	connected(t, Options{}, DirectOptions{}, func(t *testing.T, d *Direct, srv *Server) {
		d.Session().Freeze()
		for range 3 {
			if err := d.Send(t.Context(), &realtime.ResponseCreate{}); err != nil {
				t.Errorf("frozen: %v", err)
			}
		}
		pass(time.Second)
		if r := d.Session().Record(); len(r.Responses) != 0 {
			t.Errorf("a frozen session answered: %+v", r.Responses)
		}
	})
}

// TestDirectClose: whoever closes, nothing is left.
func TestDirectClose(t *testing.T) {
	connected(t, Options{}, DirectOptions{UpDelay: func() time.Duration { return time.Second }}, func(t *testing.T, d *Direct, srv *Server) {
		failed := make(chan error)
		go func() {
			_, err := d.Recv(context.Background())
			failed <- err
		}()
		synctest.Wait()
		d.Send(t.Context(), &realtime.ResponseCreate{})
		d.Close("bye")
		if err := <-failed; !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("recv: %v", err)
		}
		r := d.Session().Record()
		if r.End != "client: close 1000" || r.Ended.IsZero() || len(r.Responses) != 1 {
			t.Errorf("record: %+v", r)
		}
		if err := d.Send(t.Context(), &realtime.ResponseCreate{}); !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("send: %v", err)
		}
	})
	connected(t, Options{}, DirectOptions{}, func(t *testing.T, d *Direct, srv *Server) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errJunk)
		defer cancel()
		if _, err := d.Recv(ctx); !errors.Is(err, errJunk) {
			t.Errorf("recv with a context that ends: %v", err)
		}
		<-d.Session().Ended()
	})
	connected(t, Options{}, DirectOptions{}, func(t *testing.T, d *Direct, srv *Server) {
		srv.Close()
		var err error
		for err == nil {
			_, err = d.Recv(t.Context())
		}
		if !realtime.IsRetryable(err) {
			t.Errorf("server closed: %v", err)
		}
		if _, err := srv.Direct(t.Context(), DirectOptions{}); err == nil {
			t.Error("a closed server took another one")
		}
	})
}

// TestDirectRefusals: faults of the upgrade and refused sessions.
func TestDirectRefusals(t *testing.T) {
	connected(t, Options{}, DirectOptions{}, func(t *testing.T, d *Direct, srv *Server) {
		if err := srv.SetFaults(Faults{UpgradeStatus: 503, UpgradeCount: 1, UpgradeDelay: time.Second, RetryAfter: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := srv.Direct(t.Context(), DirectOptions{})
		var refused *realtime.DialError
		if !errors.As(err, &refused) || refused.Status != 503 || refused.RetryAfter != 2*time.Second || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := srv.Direct(ctx, DirectOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
		again, err := srv.Direct(t.Context(), DirectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close("")
		_, err = again.Open(t.Context(), realtime.Session{Voice: realtime.Some("darth")})
		var no *realtime.RefusedError
		if !errors.As(err, &no) || no.Err.Param != "session.audio.output.voice" {
			t.Errorf("session: %v", err)
		}
	})
}

// TestDropAtAStep: the connection ends right after the event that was counted.
func TestDropAtAStep(t *testing.T) {
	for n := 1; n < 12; n++ {
		synctest.Test(t, func(t *testing.T) {
			srv, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			srv.SetFaults(Faults{DropAfterSent: n})
			d, err := srv.Direct(t.Context(), DirectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close("")
			d.Send(t.Context(), &realtime.ResponseCreate{})
			got := 0
			for err == nil {
				if _, err = d.Recv(t.Context()); err == nil {
					got++
				}
			}
			if got != n {
				t.Errorf("dropped after %d events, want %d: %v", got, n, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		srv, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		srv.SetFaults(Faults{DropAfterReceived: 2})
		d, err := srv.Direct(t.Context(), DirectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close("")
		for _, ev := range []realtime.ClientEvent{&realtime.AudioAppend{Audio: []byte{1}}, &realtime.AudioClear{}, &realtime.ResponseCreate{}} {
			d.Send(t.Context(), ev)
		}
		<-d.Session().Ended()
		if r := d.Session().Record(); len(r.Events) != 2 || len(r.Responses) != 0 {
			t.Errorf("record %+v", r)
		}
	})
}
