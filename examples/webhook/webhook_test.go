// Package webhook has no code: the example is server.py, and this drives it as Trunkline does.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/examples/internal/stage"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/telephony/phone"
	"github.com/trunkline/trunkline/tools"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// The keys of the tests, as bytes and as secrets.
var (
	key, oldKey       = []byte("a key of the tests, 24 by"), []byte("the key that it had before")
	secret, oldSecret = "whsec_" + base64.StdEncoding.EncodeToString(key), "whsec_" + base64.StdEncoding.EncodeToString(oldKey)
)

const parameters = `{"type":"object","required":["guests"],"properties":{"guests":{"type":"integer"}}}`

// server starts server.py and returns the address that it prints.
func server(t *testing.T, secrets string, args ...string) string {
	t.Helper()
	command := append([]string{"python3", "server.py", "--port", "0"}, args...)
	return stage.Start(t, []string{"WEBHOOK_SECRET=" + secrets}, command...).Line(t)
}

// registry has the tool of the server at url, signed with secrets.
func registry(t *testing.T, url, secrets string) *tools.Registry {
	t.Helper()
	r := tools.NewRegistry()
	t.Cleanup(func() { stage.Must(t, r.Close(context.Background())) })
	stage.Must(t, tools.AddWebhook(r, tools.Webhook{Name: "book_table", Description: "Books a table.", URL: url, Secret: secrets,
		Timeout: 20 * time.Second, Idempotent: true, Parameters: json.RawMessage(parameters)}))
	return r
}

func book(r *tools.Registry, guests int, callID string) tools.Outcome {
	return r.Run(context.Background(), tools.Invocation{Name: "book_table", Arguments: `{"guests":` + strconv.Itoa(guests) + `}`,
		Call: (&tools.Call{ID: "c1", Caller: "+15550100001"}).For(callID)})
}

// Booked once for each idempotency key, the same requests at the same time included; then the tables are gone, and the model
// reads why.
func TestBookings(t *testing.T) {
	r := registry(t, server(t, secret, "--tables", "2"), secret)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if o := book(r, 4, "first"); o.Output != `{"booked":1,"guests":4}` {
				t.Errorf("the first booking, again and again: %s %v", o.Output, o.Err)
			}
		})
	}
	wg.Wait()
	if o := book(r, 12, "big"); o.Output != `{"error":"we have tables for 1 to 8 guests"}` || o.Status != tools.StatusToolError {
		t.Errorf("twelve guests: %s %v", o.Output, o.Err)
	}
	if o := book(r, 2, "second"); o.Output != `{"booked":2,"guests":2}` {
		t.Errorf("another key: %s %v", o.Output, o.Err)
	}
	if o := book(r, 2, "third"); o.Output != `{"error":"all tables are taken tonight"}` {
		t.Errorf("the third of two tables: %s %v", o.Output, o.Err)
	}
}

// A secret is changed without a gap: whichever side has the new one first, one of several signatures fits.
func TestSecrets(t *testing.T) {
	url := server(t, secret)
	for sent, ok := range map[string]bool{secret: true, oldSecret + " " + secret: true, oldSecret: false, "": false} {
		o := book(registry(t, url, sent), 4, "with "+sent)
		if got := o.Status == tools.StatusOK; got != ok {
			t.Errorf("%d secrets: %s %v, want accepted %t", len(strings.Fields(sent)), o.Output, o.Err, ok)
		}
		if !ok && (!strings.Contains(o.Err.Error(), "status 401") || o.Ref == "") {
			t.Errorf("refused: the model reads %s of %v", o.Output, o.Err)
		}
	}
	both := server(t, oldSecret+" "+secret)
	for _, sent := range []string{secret, oldSecret} {
		if o := book(registry(t, both, sent), 4, "with "+sent); o.Err != nil {
			t.Errorf("a server that has both refuses one: %v", o.Err)
		}
	}
}

// request is a signed request that a test bends.
type request struct {
	id, stamp, signature string
	body                 string
}

const wellFormed = `{"tool":"book_table","call":{"id":"c1"},"call_id":"f1","arguments":{"guests":4}}`

// signed is a request of the age given.
func signed(age time.Duration) request {
	r := request{id: "inv_1", stamp: strconv.FormatInt(time.Now().Add(-age).Unix(), 10), body: wellFormed}
	r.signature = r.sign(key)
	return r
}

func (r request) sign(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.id + "." + r.stamp + "." + r.body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (r request) send(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(r.body))
	stage.Must(t, err)
	req.Header = http.Header{"Webhook-Id": {r.id}, "Webhook-Timestamp": {r.stamp}, "Webhook-Signature": {r.signature}}
	resp, err := client.Do(req)
	stage.Must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	stage.Must(t, err)
	return resp.StatusCode, string(bytes.TrimSpace(body))
}

// Each way to forge a request is refused, and books nothing.
func TestForgeries(t *testing.T) {
	url := server(t, secret)
	client := &http.Client{Timeout: stage.Patience}
	defer client.CloseIdleConnections()
	for name, bend := range map[string]func(*request){
		"another body":         func(r *request) { r.body = strings.Replace(r.body, "4", "5", 1) },
		"another id":           func(r *request) { r.id = "inv_2" },
		"another time":         func(r *request) { r.stamp += "0" },
		"six minutes old":      func(r *request) { *r = signed(6 * time.Minute) },
		"six minutes too soon": func(r *request) { *r = signed(-6 * time.Minute) },
		"another key":          func(r *request) { r.signature = r.sign(oldKey) },
		"another version":      func(r *request) { r.signature = "v2" + r.signature[2:] },
		"no signature":         func(r *request) { r.signature = "" },
		"no base64":            func(r *request) { r.signature = "v1,!" },
		"no ASCII":             func(r *request) { r.signature = "v1,\u00e9 \u00b2" },
		"no id":                func(r *request) { r.id = ""; r.signature = r.sign(key) },
		"a time in words":      func(r *request) { r.stamp = "\u00b2"; r.signature = r.sign(key) },
		"a time without end":   func(r *request) { r.stamp = strings.Repeat("9", 5000); r.signature = r.sign(key) },
		"no time":              func(r *request) { r.stamp = ""; r.signature = r.sign(key) },
	} {
		r := signed(0)
		bend(&r)
		if status, body := r.send(t, client, url); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s, want 401", name, status, body)
		}
	}
	for name, tc := range map[string]struct {
		body   string
		status int
	}{
		"signed, but no JSON":      {"guests=4", 400},
		"signed, but no object":    {`["guests"]`, 400},
		"signed, but no arguments": {`{"arguments":null}`, 400},
		"too long":                 {strings.Repeat("x", 64<<10+1), 413},
	} {
		r := signed(0)
		r.body = tc.body
		r.signature = r.sign(key)
		if status, body := r.send(t, client, url); status != tc.status {
			t.Errorf("%s: %d %s, want %d", name, status, body, tc.status)
		}
	}
	r := signed(4 * time.Minute)
	r.signature = "v2,AAAA v1,AAAA " + r.signature
	if status, body := r.send(t, client, url); status != http.StatusOK || body != `{"booked": 1, "guests": 4}` {
		t.Errorf("the honest one: %d %s, want the first booking", status, body)
	}
}

// A length that nobody can mean is refused before a byte is read.
func TestLengths(t *testing.T) {
	url, err := url.Parse(server(t, secret))
	stage.Must(t, err)
	for _, length := range []string{"-1", "65537", "0000000000000000000065537", "\u00b2", "x"} {
		conn, err := net.Dial("tcp", url.Host)
		stage.Must(t, err)
		stage.Must(t, conn.SetDeadline(time.Now().Add(stage.Patience)))
		_, err = io.WriteString(conn, "POST "+url.Path+" HTTP/1.1\r\nHost: x\r\nContent-Length: "+length+"\r\n\r\n")
		stage.Must(t, err)
		answer, err := io.ReadAll(conn) // to its end: the server hangs up on what it does not read
		stage.Must(t, err)
		_ = conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
			t.Errorf("length %q: %.60q, want 413", length, answer)
		}
	}
}

// Without a secret the server does not start: anybody could call the tool.
func TestNoSecret(t *testing.T) {
	for _, wrong := range []string{"", "hunter2", "whsec_", "whsec_!"} {
		if err := stage.Start(t, []string{"WEBHOOK_SECRET=" + wrong}, "python3", "server.py", "--port", "0").Wait(); err == nil {
			t.Errorf("it starts with WEBHOOK_SECRET=%q", wrong)
		}
	}
}

// A caller gets a table, by the configuration beside the server; asked twice the model books one.
func TestCall(t *testing.T) {
	url := server(t, secret)
	ask := simulator.Action{Call: "book_table", Raw: `{"guests":4}`}
	lines := stage.Hold(t, stage.Play{
		Config: stage.Load(t, map[string]string{"tools.book_table.webhook.url": url, "tools.book_table.webhook.secret": secret}),
		Script: stage.Asks(ask, ask, simulator.Action{Call: "book_table", Raw: `{"guests":12}`}), Caller: []phone.Step{phone.WaitBye{}},
	})
	results := stage.Results(lines, "book_table")
	if len(results) != 3 {
		t.Fatalf("%d results, want 3: %+v", len(results), lines)
	}
	for i, want := range []string{`{"booked":1,"guests":4}`, `{"booked":1,"guests":4}`, `{"error":"we have tables for 1 to 8 guests"}`} {
		if results[i].Result != want {
			t.Errorf("result %d: %s, want %s", i, results[i].Result, want)
		}
	}
}
