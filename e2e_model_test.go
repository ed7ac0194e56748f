package trunkline_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
)

// model is the simulator, listening in this process.
type model struct {
	*simulator.Server
	dialect string
	url     string
	seen    lockedBuffer // observations, for a failing test
}

// startModel runs a simulator until the test ends. Whatever the test is about, no event of the service may ever be
// refused, and no audio may come before the session is confirmed.
func startModel(t *testing.T, o simulator.Options) *model {
	t.Helper()
	m := &model{dialect: o.Dialect}
	o.RequireKey = modelKey
	o.Observer = func(ob simulator.Observation) {
		fmt.Fprintf(&m.seen, "%s %s %s %s %q\n", ob.At.Format("15:04:05.000"), ob.Session, ob.Kind, ob.Name, ob.Text)
	}
	var err error
	if m.Server, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.url = "ws://" + ln.Addr().String() + "/v1/realtime"
	server := &http.Server{Handler: m.Server, ReadHeaderTimeout: patience}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = server.Serve(ln) // ends with Close
	}()
	t.Cleanup(func() {
		_ = m.Close()
		_ = server.Close()
		<-gone
		m.check(t)
	})
	return m
}

func (m *model) check(t *testing.T) {
	for _, s := range m.Sessions() {
		r := s.Record()
		for _, v := range r.Violations {
			t.Errorf("session %s: the model refused %s: %s (%s, %s)", r.ID, v.Event, v.Message, v.Code, v.Param)
		}
		if r.EarlyAppends != 0 {
			t.Errorf("session %s: %d appends before session.updated", r.ID, r.EarlyAppends)
		}
	}
	if t.Failed() {
		t.Logf("what the model saw:\n%s", m.seen.String())
	}
}

// session waits for the session with the index.
func (m *model) session(t *testing.T, index int) *simulator.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := m.WaitSession(ctx, index)
	if err != nil {
		t.Fatalf("the service did not connect to the model: %v", err)
	}
	return s
}

// say is an answer of one spoken item.
func say(clips ...string) simulator.Answer {
	return simulator.Answer{Do: []simulator.Action{{Say: clips}}}
}

// greeting makes a script that greets with a clip and answers what is heard.
func greeting(clip string, heard ...simulator.Heard) *simulator.Script {
	g := say(clip)
	return &simulator.Script{States: []simulator.State{{Name: "open", Greeting: &g, Heard: heard}}}
}

// order looks an order up while it asks for patience, and tells the result.
func order(caller string, results ...string) simulator.Heard {
	found := say(results...)
	return simulator.Heard{Says: []string{caller}, Answer: simulator.Answer{
		Do: []simulator.Action{{Say: []string{"a04"}},
			{Call: "order_status", Arguments: map[string]string{"order": "{digits}"}}},
		Results: []simulator.Result{{Contains: "shipped", Answer: found}},
	}}
}

// goodbye says farewell and hangs up.
func goodbye(caller string) simulator.Heard {
	return simulator.Heard{Says: []string{caller}, Answer: simulator.Answer{
		Do: []simulator.Action{{Say: []string{"a09"}}, {Call: "hang_up"}}}}
}

// answers answers one line of the caller with one of the agent.
func answers(caller, agent string) simulator.Heard {
	return simulator.Heard{Says: []string{caller}, Answer: say(agent)}
}

// agentText is the words of a clip of the agent.
func agentText(t *testing.T, clip string) string {
	t.Helper()
	_, text, ok := simulator.AgentClip(clip)
	if !ok {
		t.Fatalf("no clip %s", clip)
	}
	return text
}

// ended waits for the end of a session.
func ended(t *testing.T, s *simulator.Session) simulator.Record {
	t.Helper()
	select {
	case <-s.Ended():
	case <-time.After(patience):
		t.Fatal("the session with the model does not end")
	}
	eventually(t, "record closed", func() bool { return !s.Record().Ended.IsZero() })
	return s.Record()
}
