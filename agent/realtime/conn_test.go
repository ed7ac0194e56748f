package realtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/trunkline/trunkline/agent/realtime"
)

type dialOptions = realtime.DialOptions

func TestEventsBothWays(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		go server.send(`{"type":"session.created","session":{"id":"sess_1"}}`, audioDelta([]byte{1, 2, 3}), `{"type":"response.done","response":{"id":"resp_1"}}`)
		if s := next[*realtime.SessionCreated](t, c).Session; s.ID != "sess_1" {
			t.Errorf("session %+v", s)
		}
		if d := next[*realtime.AudioDelta](t, c); !bytes.Equal(d.Audio, []byte{1, 2, 3}) || d.ItemID != "item_2" {
			t.Errorf("delta %+v", d)
		}
		if r := next[*realtime.ResponseDone](t, c).Response; r.ID != "resp_1" {
			t.Errorf("response %+v", r)
		}
		mustSend(t, c, &realtime.ResponseCreate{EventID: "e1"})
		if got := server.read(); got.Type != "response.create" || got.EventID != "e1" {
			t.Errorf("server sees %+v", got)
		}
	})
}

func TestSendCopies(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		a := frame(1)
		mustSend(t, c, a)
		clear(a.Audio)
		if got := server.read().Audio; !bytes.Equal(got, frame(1).Audio) {
			t.Errorf("server hears what was written after Send")
		}
	})
}

func TestOneMessageAPacketWhenUpToDate(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		for i := range 50 {
			<-time.After(20 * time.Millisecond)
			mustSend(t, c, frame(i))
			if got := server.read().Audio; !bytes.Equal(got, frame(i).Audio) {
				t.Fatalf("message %d holds %d bytes", i, len(got))
			}
		}
	})
}

func TestUpTo100msAMessageWhenBehind(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		var want []byte
		for i := range 12 {
			mustSend(t, c, frame(i))
			synctest.Wait() // the first is on its way, the others wait
			want = append(want, frame(i).Audio...)
		}
		var got []byte
		var sizes []int
		for len(got) < len(want) {
			m := server.read()
			got, sizes = append(got, m.Audio...), append(sizes, len(m.Audio))
		}
		if fmt.Sprint(sizes) != "[160 800 800 160]" || !bytes.Equal(got, want) {
			t.Errorf("messages of %v bytes, want 160, 800, 800, 160 and the audio whole", sizes)
		}
	})
}

func TestR09ControlOvertakesAudio(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		mustSend(t, c, frame(0))
		synctest.Wait()
		mustSend(t, c, frame(1), &realtime.ItemTruncate{ItemID: "item_2", AudioEndMS: 20}, &realtime.ResponseCreate{})
		var order []string
		for range 4 {
			order = append(order, strings.TrimPrefix(server.read().Type, "conversation."))
		}
		want := "input_audio_buffer.append item.truncate response.create input_audio_buffer.append"
		if got := strings.Join(order, " "); got != want {
			t.Errorf("server sees %s, want %s", got, want)
		}
	})
}

func TestR09ConcurrentSenders(t *testing.T) {
	scene(t, dialOptions{AudioQueue: time.Minute}, func(t *testing.T, c *realtime.Conn, server peer) {
		var senders sync.WaitGroup
		for i := range 4 {
			senders.Go(func() {
				for range 50 {
					mustSend(t, c, frame(i), &realtime.ItemDelete{ItemID: "item_1"})
				}
			})
		}
		audio, control := 0, 0
		for audio < 4*50*160 || control < 4*50 {
			m := server.read()
			audio += len(m.Audio)
			if m.Audio == nil {
				control++
			}
		}
		senders.Wait()
		if audio != 4*50*160 || control != 4*50 {
			t.Errorf("server sees %d bytes of audio and %d events", audio, control)
		}
	})
}

func TestR07LongMessages(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		long := strings.Repeat("long instructions ", 100_000) // 1.8 MB
		speech := bytes.Repeat([]byte{1, 2, 3, 4}, 100_000)
		go server.send(`{"type":"session.updated","session":{"instructions":"`+long+`"}}`, audioDelta(speech), audioDelta(speech[:160]))
		if s := next[*realtime.SessionUpdated](t, c).Session; s.Instructions.Or("") != long {
			t.Error("long instructions came out as others")
		}
		if d := next[*realtime.AudioDelta](t, c); !bytes.Equal(d.Audio, speech) {
			t.Error("long delta came out as another")
		}
		if d := next[*realtime.AudioDelta](t, c); !bytes.Equal(d.Audio, speech[:160]) {
			t.Error("short delta after a long one came out as another")
		}
	})
}

func TestR07MessageBeyondTheLimit(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		go func() {
			server.Write(context.Background(), websocket.MessageText, bytes.Repeat([]byte{' '}, 17<<20))
			server.send(`{"type":"input_audio_buffer.cleared"}`)
		}()
		next[*realtime.AudioCleared](t, c)
		if s := c.Stats(); s.Undecodable != 1 || s.BytesIn < 17<<20 {
			t.Errorf("%d messages of %d bytes were passed over, want one of 17 MiB", s.Undecodable, s.BytesIn)
		}
	})
}

func TestR13BadMessagesArePassedOver(t *testing.T) {
	var log journal
	scene(t, dialOptions{Log: log.logger()}, func(t *testing.T, c *realtime.Conn, server peer) {
		go func() {
			server.send(`{`, `not JSON`, ``, `[]`, `{"type":7}`, `{"type":"response.output_audio.delta","delta":"****"}`)
			server.Write(context.Background(), websocket.MessageBinary, []byte{0, 1, 2})
			server.send(`{"type":"response.future"}`, `{"type":"response.future"}`, `{"type":"input_audio_buffer.cleared","future":1}`)
		}()
		for range 2 {
			if u := next[*realtime.Unknown](t, c); u.Type != "response.future" {
				t.Errorf("unknown event %+v", u)
			}
		}
		next[*realtime.AudioCleared](t, c)
		s := c.Stats()
		if s.Undecodable != 7 || s.Unknown != 2 || s.Unread != 1 || s.In["other"] != 2 || s.In["speech"] != 1 {
			t.Errorf("stats %+v, want 7 undecodable, 2 unknown, 1 member unread, 2 other, 1 speech", s)
		}
		if n := strings.Count(log.String(), "response.future"); n != 1 {
			t.Errorf("the unknown type is logged %d times, want once", n)
		}
	})
}

func TestR04EveryEndIsAnError(t *testing.T) {
	for code, verdict := range map[websocket.StatusCode]realtime.Verdict{
		1000: realtime.VerdictEnded, 1001: realtime.VerdictRetry, 1011: realtime.VerdictRetry, 1008: realtime.VerdictFatal, 4000: realtime.VerdictFatal,
	} {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
			go server.Close(code, "so it is")
			_, err := c.Recv(t.Context())
			wantClose(t, err, int(code), verdict)
			_, again := c.Recv(t.Context())
			wantErr(t, "Recv again", again, err)
			wantErr(t, "Send afterwards", c.Send(t.Context(), frame(0)), err)
			if err := c.Close("over"); err != nil {
				t.Errorf("Close of an ended connection: %v", err)
			}
		})
	}
}

func TestR06EndWithoutCloseFrame(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		go server.CloseNow()
		_, err := c.Recv(t.Context())
		wantClose(t, err, 1006, realtime.VerdictRetry)
	})
}

func TestR06CloseIsBounded(t *testing.T) {
	for _, busy := range []bool{false, true} {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
			received := receive(context.Background(), c)
			if busy {
				mustSend(t, c, frame(0)) // a write that nobody reads
			}
			synctest.Wait()
			start := time.Now()
			err := c.Close("caller hung up")
			if took := time.Since(start); took != 2*time.Second {
				t.Errorf("busy %v: Close took %v, want 2s", busy, took)
			}
			if err == nil {
				t.Errorf("busy %v: Close does not tell that the server was silent", busy)
			}
			wantErr(t, "Recv", (<-received).err, realtime.ErrClosed)
			wantErr(t, "Send", c.Send(t.Context(), frame(0)), realtime.ErrClosed)
			wantErr(t, "Close again", c.Close("again"), err)
		})
	}
}

func TestCloseTellsTheServer(t *testing.T) {
	for _, receiving := range []bool{false, true} {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
			if receiving {
				receive(context.Background(), c)
			}
			seen := make(chan error, 1)
			go func() {
				_, _, err := server.Read(context.Background())
				seen <- err
			}()
			synctest.Wait()
			start := time.Now()
			if err := c.Close(strings.Repeat("ü", 200)); err != nil {
				t.Errorf("Close: %v", err)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("Close took %v although the server answered", took)
			}
			closed, ok := errors.AsType[websocket.CloseError](<-seen)
			if !ok || closed.Code != websocket.StatusNormalClosure || closed.Reason != strings.Repeat("ü", 60) {
				t.Errorf("server sees %v", closed)
			}
		})
	}
}

func TestCloseFromManySides(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		defer func(stopped <-chan struct{}) { <-stopped }(server.discard())
		received := receive(context.Background(), c)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { c.Close("over") })
			all.Go(func() { c.Send(context.Background(), frame(0)) })
		}
		all.Wait()
		wantErr(t, "Recv", (<-received).err, realtime.ErrClosed)
	})
}

func TestContextEndsRecv(t *testing.T) {
	hungUp := errors.New("caller hung up")
	t.Run("during", func(t *testing.T) {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, _ peer) {
			ctx, cancel := context.WithCancelCause(context.Background())
			received := receive(ctx, c)
			synctest.Wait()
			cancel(hungUp)
			wantErr(t, "Recv", (<-received).err, hungUp)
			wantErr(t, "Send", c.Send(t.Context(), frame(0)), hungUp)
		})
	})
	t.Run("before", func(t *testing.T) {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
			ctx, cancel := context.WithCancelCause(context.Background())
			go server.send(`{"type":"input_audio_buffer.cleared"}`)
			if _, err := c.Recv(ctx); err != nil {
				t.Fatal(err)
			}
			cancel(hungUp)
			synctest.Wait()
			mustSend(t, c, frame(0)) // between two calls a context means nothing
			_, err := c.Recv(ctx)
			wantErr(t, "Recv", err, hungUp)
		})
	})
	t.Run("of an earlier call", func(t *testing.T) {
		scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
			first, cancel := context.WithCancel(context.Background())
			go server.send(`{"type":"input_audio_buffer.cleared"}`)
			if _, err := c.Recv(first); err != nil {
				t.Fatal(err)
			}
			received := receive(context.Background(), c)
			synctest.Wait()
			cancel()
			synctest.Wait()
			server.send(`{"type":"input_audio_buffer.cleared"}`)
			if r := <-received; r.err != nil {
				t.Errorf("Recv: %v: its own context lives", r.err)
			}
		})
	})
}

func TestStats(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		mustSend(t, c, frame(0), &realtime.AudioCommit{}, &realtime.SessionUpdate{}, &realtime.ResponseCancel{}, &realtime.ItemDelete{ItemID: "i"})
		for range 5 {
			server.read()
		}
		message := audioDelta([]byte{1})
		go server.send(message)
		next[*realtime.AudioDelta](t, c)
		synctest.Wait()
		s := c.Stats()
		if fmt.Sprint(s.Out) != "map[audio:1 item:1 response:1 session:1 speech:1]" || fmt.Sprint(s.In) != "map[audio:1]" {
			t.Errorf("events out %v, in %v", s.Out, s.In)
		}
		if s.BytesIn != int64(len(message)) || s.BytesOut < 400 {
			t.Errorf("%d bytes in and %d out, want %d and some 450", s.BytesIn, s.BytesOut, len(message))
		}
	})
}

func TestWarnsOnceOfWhatTheDialectLacks(t *testing.T) {
	for dialect, session := range map[realtime.Dialect]realtime.Session{
		realtime.DialectGA:      {Temperature: realtime.Some(0.7)},
		realtime.DialectPreview: {Speed: realtime.Some(1.2), Truncation: "auto"},
	} {
		var log journal
		scene(t, dialOptions{Log: log.logger(), Dialect: dialect}, func(t *testing.T, c *realtime.Conn, server peer) {
			mustSend(t, c, &realtime.SessionUpdate{}, &realtime.SessionUpdate{Session: session}, &realtime.SessionUpdate{Session: session})
			for range 3 {
				if got := server.read().Session; got["temperature"] != nil || got["speed"] != nil || got["truncation"] != nil {
					t.Errorf("server sees %v", got)
				}
			}
		})
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%s: %d warnings, want one: %s", dialect, n, &log)
		}
	}
}

func TestEventThatCannotBeEncodedHarmsNothing(t *testing.T) {
	scene(t, dialOptions{}, func(t *testing.T, c *realtime.Conn, server peer) {
		if err := c.Send(t.Context(), &realtime.ItemCreate{}); err == nil {
			t.Error("an item of no type can be sent")
		}
		mustSend(t, c, &realtime.AudioClear{})
		if got := server.read(); got.Type != "input_audio_buffer.clear" {
			t.Errorf("server sees %+v", got)
		}
	})
}

func TestR17LogsHoldNoSecrets(t *testing.T) {
	var log journal
	scene(t, dialOptions{Log: log.logger(), Header: map[string][]string{"Authorization": {"Bearer secret"}}}, func(t *testing.T, c *realtime.Conn, server peer) {
		mustSend(t, c, &realtime.SessionUpdate{Session: realtime.Session{Instructions: realtime.Some("secret"), Temperature: realtime.Some(0.7)}})
		server.read()
		go func() {
			server.send(`{"type":"response.output_text.delta","delta":"secret"}`, `{"secret":`, `{"type":"error","error":{"message":"secret"}}`,
				`"secret"`, `{"type":"response.output_audio.delta","delta":"secret"}`)
			server.CloseNow()
		}()
		untilEnd(t.Context(), c)
	})
	if text := log.String(); strings.Contains(text, "secret") || !strings.Contains(text, "cannot be decoded") {
		t.Errorf("the log holds what it must not, or nothing at all:\n%s", text)
	}
}
