package realtime_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/realtime/realtimetest"
)

// peer is the server's end of a connection, played by the test.
type peer struct {
	*websocket.Conn
	t testing.TB
}

// scene plays a connection in a bubble of fake time.
func scene(t *testing.T, o realtime.DialOptions, play func(t *testing.T, c *realtime.Conn, server peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, server := realtimetest.Pipe(t, o)
		play(t, client, peer{server, t})
	})
}

// send sends text messages.
func (p peer) send(messages ...string) {
	p.t.Helper()
	for _, m := range messages {
		if err := p.Write(context.Background(), websocket.MessageText, []byte(m)); err != nil {
			p.t.Errorf("server cannot send: %v", err)
		}
	}
}

// sent is one client event as the server sees it.
type sent struct {
	Type    string         `json:"type"`
	EventID string         `json:"event_id"`
	Audio   []byte         `json:"audio"`
	Session map[string]any `json:"session"`
}

// read reads one client event.
func (p peer) read() sent {
	p.t.Helper()
	_, data, err := p.Read(context.Background())
	if err != nil {
		p.t.Fatalf("server cannot read: %v", err)
	}
	var m sent
	if err := json.Unmarshal(data, &m); err != nil {
		p.t.Fatalf("server reads %q: %v", data, err)
	}
	return m
}

// discard reads until the connection ends, so that writes and pings of the client succeed.
func (p peer) discard() (stopped <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, _, err := p.Read(context.Background()); err != nil {
				return
			}
		}
	}()
	return done
}

// result is what one Recv returned.
type result struct {
	ev  realtime.ServerEvent
	err error
}

// receive calls Recv in the background.
func receive(ctx context.Context, c *realtime.Conn) <-chan result {
	out := make(chan result, 1)
	go func() {
		ev, err := c.Recv(ctx)
		out <- result{ev, err}
	}()
	return out
}

// next is Recv of an event that must come.
func next[E realtime.ServerEvent](t *testing.T, c *realtime.Conn) E {
	t.Helper()
	ev, err := c.Recv(t.Context())
	if err != nil {
		t.Fatalf("Recv: %v", err)
	}
	e, ok := ev.(E)
	if !ok {
		t.Fatalf("Recv returns %T, want %T", ev, e)
	}
	return e
}

// untilEnd calls Recv until it fails.
func untilEnd(ctx context.Context, c *realtime.Conn) error {
	for {
		if _, err := c.Recv(ctx); err != nil {
			return err
		}
	}
}

func mustSend(t *testing.T, c *realtime.Conn, events ...realtime.ClientEvent) {
	t.Helper()
	for _, ev := range events {
		if err := c.Send(t.Context(), ev); err != nil {
			t.Fatalf("Send(%T): %v", ev, err)
		}
	}
}

// after lets time pass in the bubble.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func wantClose(t *testing.T, err error, code int, verdict realtime.Verdict) {
	t.Helper()
	closed, ok := errors.AsType[*realtime.CloseError](err)
	if !ok || closed.Code != code || closed.Verdict != verdict {
		t.Errorf("%v (%+v), want close code %d and verdict %s", err, closed, code, verdict)
	}
}

// frame is 20 ms of G.711 that knows its number.
func frame(n int) *realtime.AudioAppend {
	return &realtime.AudioAppend{Audio: bytes.Repeat([]byte{byte(n)}, 160)}
}

func audioDelta(audio []byte) string {
	return fmt.Sprintf(`{"type":"response.output_audio.delta","event_id":"event_7","response_id":"resp_1","item_id":"item_2",`+
		`"output_index":0,"content_index":0,"delta":%q}`, base64.StdEncoding.EncodeToString(audio))
}

// journal is a logger that keeps its text.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
