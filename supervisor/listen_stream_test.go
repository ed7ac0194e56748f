package supervisor

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// A client of HTTP/2 that grants no room for an answer holds its stream, not its connection. That ends as well.
func TestStreamThatTakesNothing(t *testing.T) {
	for name, handler := range map[string]func(http.ResponseWriter) error{
		"write": func(w http.ResponseWriter) error {
			_, err := w.Write(make([]byte, 1<<20))
			return err
		},
		"flush": func(w http.ResponseWriter) error {
			fmt.Fprintln(w, "line")
			return http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, ended := newDoorStand(t, nil), make(chan error, 1)
			d.mux.HandleFunc("/much", func(w http.ResponseWriter, _ *http.Request) { ended <- handler(w) })
			cert, key := newPair(t, "one")
			times := usualTimes
			times.stalled = 300 * time.Millisecond
			l := d.listens(ListenOptions{Address: "127.0.0.1:0", CertFile: cert, KeyFile: key}, times)
			c := trusting(t, cert)
			c.NextProtos, c.ServerName = []string{"h2"}, "127.0.0.1"
			conn := tls.Client(dial(t, l), c)
			if _, err := io.WriteString(conn, frugalRequest); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err == nil {
					t.Error("what nobody takes was written")
				}
			case <-time.After(soon):
				t.Fatal("the handler writes for ever")
			}
		})
	}
}

// frugalRequest is GET https://localhost/much with room for no byte of an answer (RFC 9113 §6.5.2).
const frugalRequest = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
	"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + "\x00\x04\x00\x00\x00\x00" + // SETTINGS: INITIAL_WINDOW_SIZE 0
	"\x00\x00\x14\x01\x05\x00\x00\x00\x01" + // HEADERS of stream 1, 20 bytes: END_STREAM, END_HEADERS
	"\x82\x87" + "\x04\x05/much" + "\x01\x09localhost" // GET, https, :path, :authority (RFC 7541 §6)
