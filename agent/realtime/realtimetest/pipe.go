// Package realtimetest joins a realtime.Conn to a WebSocket server in the same process, without a network:
//
//	realtime.Conn ══ net.Pipe ══ websocket.Conn (or any http.Handler)
//
// Nothing waits for the outside world, so both ends run inside a testing/synctest bubble, in its time. A write waits until
// the other end reads, which is the narrowest network there is.
package realtimetest

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
)

// Address is a URL for DialOptions that go through Client; nothing looks it up.
const Address = "ws://model.test/v1/realtime"

// Pipe returns the two ends of a connection. o needs neither URL nor HTTPClient. Both ends are closed when the test ends.
func Pipe(t testing.TB, o realtime.DialOptions) (client *realtime.Conn, server *websocket.Conn) {
	t.Helper()
	o.URL = Address
	o.HTTPClient = Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		ws.SetReadLimit(-1)
		server = ws
	}))
	client, err := realtime.Dial(t.Context(), o)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		server.CloseNow()
		client.Close("test ended")
	})
	return client, server
}

// Client is an HTTP client whose requests are served by h, one net.Pipe each. The request is answered when h returns, so
// a handler that keeps an upgraded connection serves it from a goroutine of its own.
func Client(h http.Handler) *http.Client {
	return &http.Client{Transport: transport{h}}
}

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	near, far := net.Pipe()
	w := &upgradable{ResponseRecorder: httptest.NewRecorder(), socket: far}
	t.handler.ServeHTTP(w, r)
	resp := w.Result()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		near.Close()
		far.Close()
		return resp, nil
	}
	resp.Body = near
	return resp, nil
}

// upgradable is a response that can be taken over.
type upgradable struct {
	*httptest.ResponseRecorder
	socket net.Conn
}

// Hijack implements http.Hijacker.
func (u *upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.socket, bufio.NewReadWriter(bufio.NewReader(u.socket), bufio.NewWriter(u.socket)), nil
}
