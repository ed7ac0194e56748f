package realtime_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/realtime/realtimetest"
)

func TestR08StalledAudioEndsTheLink(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, _ peer) {
		received := receive(context.Background(), c)
		start := time.Now()
		var err error
		for i := 0; err == nil && i < 500; i++ {
			err = c.Send(context.Background(), frame(i))
			<-time.After(20 * time.Millisecond)
		}
		wantErr(t, "Send", err, realtime.ErrStalled)
		if took := time.Since(start); took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("the link was given up after %v, want 2s", took)
		}
		r := <-received
		wantErr(t, "Recv", r.err, realtime.ErrStalled)
		if !realtime.IsRetryable(r.err) {
			t.Error("a stalled link is not worth another")
		}
	})
}

func TestP57BurstLosesTheOldest(t *testing.T) {
	scene(t, dialOptions{AudioQueue: time.Second}, func(t *testing.T, c *realtime.Conn, server peer) {
		mustSend(t, c, frame(0))
		synctest.Wait() // on its way
		for i := range 200 {
			mustSend(t, c, frame(i+1))
		}
		if s := c.Stats(); s.AudioDroppedMS != 3000 {
			t.Errorf("dropped %d ms, want 3000", s.AudioDroppedMS)
		}
		var got []byte
		for len(got) < 160+8000 {
			got = append(got, server.read().Audio...)
		}
		if want := append(frame(0).Audio, frame(151).Audio...); !bytes.HasPrefix(got, want) || got[len(got)-1] != 200 {
			t.Errorf("server hears frame %d, then %d … %d, want 0, then 151 … 200", got[0], got[160], got[len(got)-1])
		}
	})
}

func TestR08WriteThatHangs(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, _ peer) {
		start := time.Now()
		mustSend(t, c, &realtime.ResponseCreate{})
		_, err := c.Recv(t.Context())
		wantErr(t, "Recv", err, realtime.ErrWriteTimeout)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("noticed after %v, want 5s", took)
		}
	})
}

func TestControlEventsArePiledUpToALimit(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, _ peer) {
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			err = c.Send(t.Context(), &realtime.ItemDelete{ItemID: "item_1"})
			synctest.Wait()
		}
		wantErr(t, "Send", err, realtime.ErrQueueFull)
		if s := c.Stats(); n != 258 || s.QueueFull != 1 {
			t.Errorf("gave up at event %d with %d counted, want 258 (one on its way, 256 waiting) and 1", n, s.QueueFull)
		}
		_, err = c.Recv(t.Context())
		wantErr(t, "Recv", err, realtime.ErrQueueFull)
	})
}

// deaf dials a server that answers no ping; serve plays the rest of its part.
func deaf(t *testing.T, serve func(peer)) *realtime.Conn {
	t.Helper()
	o := dialOptions{URL: realtimetest.Address, HTTPClient: realtimetest.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OnPingReceived: func(context.Context, []byte) bool { return false }})
		if err != nil {
			t.Error(err)
			return
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			serve(peer{ws, t})
			ws.Read(context.Background()) // until the end
		}()
		t.Cleanup(func() { <-served })
	}))}
	c, err := realtime.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close("test ended") })
	return c
}

func TestR08NoPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := deaf(t, func(peer) {})
		start := time.Now()
		_, err := c.Recv(t.Context())
		wantErr(t, "Recv", err, realtime.ErrPingTimeout)
		if took := time.Since(start); took != 40*time.Second {
			t.Errorf("noticed after %v, want 20s to the ping and 20s of waiting", took)
		}
	})
}

// TestNoPongWithoutReader: the caller's phone rings for minutes between Open and the conversation. Nobody is in Recv, so
// nobody could see a pong.
func TestNoPongWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := deaf(t, func(p peer) {
			p.send(created)
			p.read()
			p.send(`{"type":"session.updated"}`)
			p.read()
			p.send(`{"type":"input_audio_buffer.cleared"}`)
		})
		if _, err := realtime.Open(t.Context(), c, pcmu(), time.Second); err != nil {
			t.Fatal(err)
		}
		after(5 * time.Minute) // long after the deadline of Open, too
		mustSend(t, c, &realtime.AudioClear{})
		next[*realtime.AudioCleared](t, c)
	})
}

func TestR08PingKeepsAnIdleLink(t *testing.T) {
	scene(t, dialOptions{PingEvery: 10 * time.Second, PingTimeout: 30 * time.Second}, func(t *testing.T, c *realtime.Conn, server peer) {
		defer func(stopped <-chan struct{}) { server.CloseNow(); <-stopped }(server.discard())
		received := receive(context.Background(), c)
		after(time.Hour)
		select {
		case r := <-received:
			t.Errorf("idle link ended: %v", r.err)
		default:
		}
	})
}
