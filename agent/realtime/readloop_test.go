package realtime_test

import (
	"context"
	"testing"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
)

// TestNothingStopsTheReadLoop: whatever a server sends, the next event comes through, and each message is accounted for.
func TestNothingStopsTheReadLoop(t *testing.T) {
	for d, kind := range map[realtime.Dialect]websocket.MessageType{
		realtime.DialectGA: websocket.MessageText, realtime.DialectPreview: websocket.MessageBinary,
	} {
		t.Run(d.String()+", "+kind.String(), func(t *testing.T) {
			scene(t, dialOptions{Dialect: d}, func(t *testing.T, c *realtime.Conn, server peer) {
				messages := realtime.Hostile()
				go besiege(server, kind, messages)
				received := untilTheEnd(t, c)
				s := c.Stats()
				if lost := int64(len(messages)) - received - s.Undecodable; lost != 0 {
					t.Errorf("of %d messages %d were events and %d were passed over: %d are missing", len(messages), received, s.Undecodable, lost)
				}
				if s.Undecodable < 30 || received < 1000 {
					t.Errorf("%d events and %d messages passed over: the corpus is not what it should be", received, s.Undecodable)
				}
				mustSend(t, c, &realtime.AudioClear{EventID: "e1"})
				if got := server.read(); got.EventID != "e1" {
					t.Errorf("server sees %+v", got)
				}
			})
		})
	}
}

// besiege sends the messages, and an event that nobody can mistake.
func besiege(server peer, kind websocket.MessageType, messages []string) {
	for _, m := range messages {
		if err := server.Write(context.Background(), kind, []byte(m)); err != nil {
			server.t.Errorf("server cannot send %.80q: %v", m, err)
			return
		}
	}
	server.send(`{"type":"conversation.item.deleted","item_id":"the end"}`)
}

// untilTheEnd counts the events before the last one that besiege sends.
func untilTheEnd(t *testing.T, c *realtime.Conn) (received int64) {
	t.Helper()
	for {
		ev, err := c.Recv(t.Context())
		if err != nil {
			t.Fatalf("after %d events: %v", received, err)
		}
		if last, ok := ev.(*realtime.ItemDeleted); ok && last.ItemID == "the end" {
			return received
		}
		received++
	}
}

// TestFragmentedMessage: a message may come in frames of any size, and they may split a character.
func TestFragmentedMessage(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		go func() {
			w, err := server.Writer(context.Background(), websocket.MessageText)
			if err != nil {
				t.Errorf("server cannot send: %v", err)
				return
			}
			for _, b := range []byte(`{"type":"response.output_text.delta","delta":"grüß Gott"}`) {
				w.Write([]byte{b})
			}
			w.Close()
		}()
		if d := next[*realtime.TextDelta](t, c); d.Delta != "grüß Gott" {
			t.Errorf("text %q", d.Delta)
		}
	})
}
