package supervisor

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// impatient is for tests of clients that take too long.
var impatient = listenTimes{header: 300 * time.Millisecond, body: 300 * time.Millisecond, idle: 300 * time.Millisecond,
	stalled: 300 * time.Millisecond, farewell: 10 * time.Second}

// soon is when something must have happened on a busy machine.
const soon = 20 * time.Second

func (d *doorStand) listens(o ListenOptions, times listenTimes) *Listener {
	d.t.Helper()
	l, err := d.listen(o, times)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestRefusesToListen(t *testing.T) {
	open, closed := newDoorStand(t, nil), newDoorStand(t, someTokens)
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		s    *doorStand
		o    ListenOptions
		says string
	}{
		{open, ListenOptions{Address: "0.0.0.0:0"}, "set supervisor.tokens or supervisor.oidc, or listen on 127.0.0.1"},
		{open, ListenOptions{Address: ":0"}, "set supervisor.tokens"},
		{open, ListenOptions{Address: "[::]:0"}, "set supervisor.tokens"},
		{open, ListenOptions{Address: "192.0.2.1:0"}, "set supervisor.tokens"},
		{open, ListenOptions{Address: ":0", CertFile: "a", KeyFile: "b", Proxies: proxies}, "set supervisor.tokens"},
		{closed, ListenOptions{Address: "0.0.0.0:0"}, "set supervisor.tls, or supervisor.proxies"},
		{closed, ListenOptions{Address: ":0"}, "in the clear"},
		{closed, ListenOptions{Address: "127.0.0.1:0", CertFile: "a"}, "set both"},
		{closed, ListenOptions{Address: "127.0.0.1:0", KeyFile: "a"}, "set both"},
		{closed, ListenOptions{Address: ":0", CertFile: "/nowhere/a", KeyFile: "/nowhere/b"}, "supervisor.tls: read the certificate"},
		{closed, ListenOptions{Address: "127.0.0.1"}, "HOST:PORT"},
		{closed, ListenOptions{Address: "192.0.2.1:0", Proxies: proxies}, "(supervisor.listen)"}, // allowed, and not ours
	} {
		if l, err := c.s.Listen(c.o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.o, err)
			if err == nil {
				_ = l.Close()
			}
		}
	}
}

func TestListensOnThisMachine(t *testing.T) {
	d := newDoorStand(t, nil)
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l := d.listens(ListenOptions{Address: address}, usualTimes)
		resp, err := httpClient(t, nil).Get("http://" + l.Addr().String() + "/calls")
		if err != nil {
			t.Fatal(err)
		}
		expectAnswer(t, resp, http.StatusOK, "local admin")
	}
}

// client is one that keeps nothing open after the test.
func httpClient(t *testing.T, c *tls.Config) *http.Client {
	tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: soon, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// dial opens a connection that fails rather than to wait for ever.
func dial(t *testing.T, l interface{ Addr() net.Addr }) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(soon))
	return c
}

// Clients that dribble or say nothing are cut off wherever they stop.
func TestSlowClients(t *testing.T) {
	d := newDoorStand(t, someTokens)
	cert, key := newPair(t, "one")
	for name, c := range map[string]struct {
		says string
		tls  bool
	}{
		"nothing":           {},
		"half a line":       {says: "GET /calls HT"},
		"half a header":     {says: "GET /calls HTTP/1.1\r\nHost: localhost\r\nAccept: te"},
		"half a form":       {says: "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ntoken=a"},
		"half a stranger's": {says: "POST /api/v1/calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\na"},
		"idle afterwards":   {says: "GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		"no handshake":      {tls: true},
		"half a handshake":  {says: "\x16\x03\x01\x02\x00\x01", tls: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := ListenOptions{Address: "127.0.0.1:0"}
			times := impatient
			if strings.HasPrefix(name, "idle") {
				times.header, times.body = time.Hour, time.Hour
			}
			if c.tls {
				o.CertFile, o.KeyFile = cert, key
			}
			conn := dial(t, d.listens(o, times))
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Error("the connection stays open")
			}
		})
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func TestLongHeader(t *testing.T) {
	l := newDoorStand(t, someTokens).listens(ListenOptions{Address: "127.0.0.1:0"}, usualTimes)
	conn := dial(t, l)
	go func() {
		_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("a", 64<<10))
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v, %v", resp, err)
	}
}

// A transcript is followed for longer than any deadline for reading a request, and after a body as well.
func TestFollowingOutlastsTheDeadlines(t *testing.T) {
	d, times := newDoorStand(t, nil), usualTimes
	times.body = 2 * time.Second           // also what a busy machine has for the request itself
	times.stalled = 900 * time.Millisecond // less than the silence between lines
	d.mux.HandleFunc("/follow", func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
				fmt.Fprintln(w, "line")
				w.(http.Flusher).Flush()
			}
		}
	})
	cert, key := newPair(t, "one")
	plain := d.listens(ListenOptions{Address: "127.0.0.1:0"}, times).Addr().String()
	secure := d.listens(ListenOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key}, times).Addr().String()
	for _, url := range []string{"http://" + plain, "https://" + secure} {
		for _, body := range []string{"", "note=a"} {
			t.Run(url[:5]+body, func(t *testing.T) {
				t.Parallel()
				resp, err := httpClient(t, trusting(t, cert)).Post(url+"/follow", "application/x-www-form-urlencoded", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if n := strings.Count(string(got), "line"); n != 3 || err != nil {
					t.Errorf("%d lines over HTTP/%d: %v", n, resp.ProtoMajor, err)
				}
			})
		}
	}
}

// A client that takes nothing is given up; the handler ends.
func TestClientThatTakesNothing(t *testing.T) {
	d := newDoorStand(t, nil)
	ended := make(chan error, 1)
	d.mux.HandleFunc("/much", func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				ended <- err
				return
			}
		}
	})
	conn := dial(t, d.listens(ListenOptions{Address: "127.0.0.1:0"}, impatient))
	_, _ = io.WriteString(conn, "GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(soon):
		t.Fatal("the handler writes for ever")
	}
}

// Close ends what is followed, and lets it say so.
func TestCloseLetsLastWordsThrough(t *testing.T) {
	d, times := newDoorStand(t, nil), usualTimes
	times.farewell = soon
	running := make(chan struct{})
	d.mux.HandleFunc("/follow", func(w http.ResponseWriter, r *http.Request) {
		close(running)
		<-r.Context().Done()
		fmt.Fprintln(w, "farewell")
	})
	l := d.listens(ListenOptions{Address: "127.0.0.1:0"}, times)
	conn := dial(t, l)
	_, _ = io.WriteString(conn, "GET /follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-running
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got, _ := io.ReadAll(conn); !strings.Contains(string(got), "farewell") {
		t.Errorf("the last words are lost: %q", got)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
	_ = l.Close()
}

// What does not end by itself is cut off, and Close waits for it all the same.
func TestCloseJoins(t *testing.T) {
	d, times := newDoorStand(t, nil), usualTimes
	times.farewell = time.Millisecond
	running, ended := make(chan struct{}), make(chan struct{})
	d.mux.HandleFunc("/much", func(w http.ResponseWriter, _ *http.Request) {
		close(running)
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 1<<10))
		}
		for range 64 {
			sha256.Sum256(make([]byte, 1<<20)) // there is more to do after that
		}
		close(ended)
	})
	l := d.listens(ListenOptions{Address: "127.0.0.1:0"}, times)
	conn, idle := dial(t, l), dial(t, l)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	_, _ = io.WriteString(conn, "GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-running
	_ = l.Close()
	select {
	case <-ended:
	default:
		t.Error("a request still runs")
	}
	if _, err := io.Copy(io.Discard, idle); isTimeout(err) {
		t.Error("an idle connection stays")
	}
}
