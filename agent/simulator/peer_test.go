package simulator

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// TestMain fails when goroutines are left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && !fuzzing() && !settled() {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// fuzzing reports a run of -fuzz, whose engine keeps goroutines of its own.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// settled waits, with a deadline, for the goroutines of closed connections.
func settled() bool {
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if runtime.NumGoroutine() <= 2 {
			return true
		}
	}
	return false
}

// pipeTransport connects a WebSocket client to a handler without a network, so
// that a whole session runs in fake time.
type pipeTransport struct {
	handler  http.Handler
	handlers sync.WaitGroup
}

func (p *pipeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	client, server := net.Pipe()
	w := &pipeWriter{ResponseRecorder: httptest.NewRecorder(), conn: server, hijacked: make(chan struct{})}
	done := make(chan struct{})
	p.handlers.Go(func() {
		defer close(done)
		p.handler.ServeHTTP(w, r)
	})
	select {
	case <-w.hijacked:
	case <-done:
	}
	resp := w.Result()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = client
	}
	return resp, nil
}

type pipeWriter struct {
	*httptest.ResponseRecorder
	conn     net.Conn
	hijacked chan struct{}
}

func (w *pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(w.hijacked)
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// event is a server event as it came.
type event map[string]any

func (e event) name() string { s, _ := e["type"].(string); return s }

// at follows a path of members ("response.status", "item.content.0.transcript").
func (e event) at(path string) any {
	var v any = map[string]any(e)
	for _, p := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			if len(x) == 0 {
				return nil
			}
			v = x[p[0]-'0']
		default:
			return nil
		}
	}
	return v
}

func (e event) text(path string) string { s, _ := e.at(path).(string); return s }
func (e event) number(path string) int  { n, _ := e.at(path).(float64); return int(n) }

// peer is a raw client: it sends what it is told and keeps what comes.
type peer struct {
	t      *testing.T
	srv    *Server
	sess   *Session
	conn   *websocket.Conn
	events chan event
	err    error // why the reader ended; read it after events is closed
}

// address is a good upgrade of a dialect.
func address(dialect string) (url string, h http.Header) {
	if dialect == DialectPreview {
		return "ws://model.test/openai/realtime?api-version=2024-10-01-preview&deployment=talk", http.Header{}
	}
	return "ws://model.test/v1/realtime?model=gpt-realtime-2", http.Header{}
}

// talk runs f in fake time with a client that has just been greeted.
func talk(t *testing.T, opts Options, f func(p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		tr := &pipeTransport{handler: srv}
		url, h := address(srv.opts.Dialect)
		p := dial(t, srv, tr, url, h)
		defer func() { // also after a Fatal, or the bubble complains instead
			p.hangUp()
			srv.Close()
			tr.handlers.Wait()
		}()
		p.must("session.created")
		if srv.opts.Dialect == DialectPreview {
			p.must("conversation.created")
		}
		f(p)
	})
}

func dial(t *testing.T, srv *Server, tr *pipeTransport, url string, h http.Header) *peer {
	t.Helper()
	conn, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: tr}, HTTPHeader: h})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(32 << 20)
	p := &peer{t: t, srv: srv, conn: conn, events: make(chan event, 100_000)}
	p.sess, err = srv.WaitSession(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	go p.read()
	return p
}

func (p *peer) read() {
	defer close(p.events)
	for {
		_, data, err := p.conn.Read(context.Background())
		if err != nil {
			p.err = err
			return
		}
		e := event{}
		if err := json.Unmarshal(data, &e); err != nil {
			e = event{"type": "not json", "data": string(data)}
		}
		p.events <- e
	}
}

func (p *peer) hangUp() {
	p.conn.CloseNow()
	for range p.events {
	}
}

func (p *peer) raw(text string) {
	p.t.Helper()
	if err := p.conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

func (p *peer) send(name string, members ...any) {
	p.t.Helper()
	data, err := json.Marshal(append(fields{"type", name}, members...))
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw(string(data))
}

// next is the next event, or nil when none comes within a minute.
func (p *peer) next() event {
	select {
	case e := <-p.events:
		return e
	case <-time.After(time.Minute):
		return nil
	}
}

// must fails when the next event is another one.
func (p *peer) must(name string) event {
	p.t.Helper()
	e := p.next()
	if e.name() != name {
		p.t.Fatalf("got %v, want %s", e, name)
	}
	return e
}

// until returns all events up to the first of that name.
func (p *peer) until(name string) []event {
	p.t.Helper()
	var all []event
	for {
		e := p.next()
		if e == nil {
			p.t.Fatalf("no %s; got %v (%v)", name, names(all), p.err)
		}
		if all = append(all, e); e.name() == name {
			return all
		}
	}
}

// find is the last event of until.
func (p *peer) find(name string) event { p.t.Helper(); all := p.until(name); return all[len(all)-1] }

// pass lets fake time pass.
func pass(d time.Duration) { <-time.After(d) }

// quiet returns what has come, when everything stands still.
func (p *peer) quiet() []event {
	synctest.Wait()
	var all []event
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				return all
			}
			all = append(all, e)
		default:
			return all
		}
	}
}

// closed waits for the end and returns the close status.
func (p *peer) closed() websocket.StatusCode {
	for range p.events {
	}
	return websocket.CloseStatus(p.err)
}

func names(events []event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.name()
	}
	return out
}

// squeeze drops rate limits and repetitions from a list of names.
func squeeze(list []string) []string {
	var out []string
	for _, n := range list {
		if n == "rate_limits.updated" || len(out) > 0 && out[len(out)-1] == n {
			continue
		}
		out = append(out, n)
	}
	return out
}

// phone sets a session up as Trunkline does: µ-law, transcription, patience.
func (p *peer) phone() {
	p.t.Helper()
	turns := fields{"type", "server_vad", "threshold", 0.5, "prefix_padding_ms", 300, "silence_duration_ms", 500}
	tools := []fields{{"type", "function", "name", "order_status"}, {"type", "function", "name", "hang_up"}}
	if p.srv.opts.Dialect == DialectPreview {
		p.send("session.update", "session", fields{"input_audio_format", "g711_ulaw", "output_audio_format", "g711_ulaw",
			"input_audio_transcription", fields{"model", "whisper-1"}, "turn_detection", turns, "tools", tools})
	} else {
		f := fields{"type", "audio/pcmu"}
		p.send("session.update", "session", fields{"type", "realtime", "tools", tools, "audio", fields{
			"input", fields{"format", f, "transcription", fields{"model", "whisper-1"}, "turn_detection", turns},
			"output", fields{"format", f}}})
	}
	p.must("session.updated")
}

// say appends a clip and the silence that ends a turn, in 20 ms pieces, as fast
// as the server takes them.
func (p *peer) say(f format, samples []int16, silenceMS int) {
	p.t.Helper()
	p.append(f.speak(append(append([]int16(nil), samples...), make([]int16, silenceMS*8)...)), 20*f.bytesPerMS())
}

func (p *peer) append(audio []byte, size int) {
	p.t.Helper()
	for len(audio) > 0 {
		n := min(size, len(audio))
		p.raw(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(audio[:n]) + `"}`)
		audio = audio[n:]
	}
}

func caller(t *testing.T, name string) []int16 {
	t.Helper()
	s, _, ok := CallerClip(name)
	if !ok {
		t.Fatalf("no clip %q", name)
	}
	return s
}
