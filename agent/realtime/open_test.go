package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
)

// opened plays the server's part while Open runs.
func opened(t *testing.T, d realtime.Dialect, want realtime.Session, server func(peer)) (got realtime.Session, err error) {
	t.Helper()
	scene(t, dialOptions{Dialect: d}, func(t *testing.T, c *realtime.Conn, p peer) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			server(p)
		}()
		got, err = realtime.Open(t.Context(), c, want, 0)
		p.CloseNow()
		<-done
	})
	return got, err
}

func pcmu() realtime.Session {
	return realtime.Session{InputFormat: realtime.FormatPCMU, OutputFormat: realtime.FormatPCMU}
}

const created = `{"type":"session.created","session":{"id":"sess_1"}}`

func TestOpenReturnsTheEffectiveSession(t *testing.T) {
	answers := map[realtime.Dialect]string{
		realtime.DialectGA:      `"audio":{"input":{"format":{"type":"audio/pcmu"}},"output":{"format":{"type":"audio/pcm","rate":24000}}}`,
		realtime.DialectPreview: `"input_audio_format":"g711_ulaw","output_audio_format":"pcm16"`,
	}
	for d, formats := range answers {
		got, err := opened(t, d, pcmu(), func(p peer) {
			p.send(created, `{"type":"conversation.created"}`)
			if m := p.read(); m.Type != "session.update" || m.EventID == "" {
				t.Errorf("server sees %+v", m)
			}
			p.send(`{"type":"rate_limits.updated"}`, `{"type":"session.updated","session":{"id":"sess_1","expires_at":1763386000,`+formats+`}}`)
		})
		if err != nil || got.ID != "sess_1" || got.ExpiresAt.Unix() != 1763386000 ||
			got.InputFormat != realtime.FormatPCMU || got.OutputFormat != realtime.FormatPCM24 {
			t.Errorf("%s: %+v, %v", d, got, err)
		}
	}
}

func TestP60RefusedUpdateNamesTheMember(t *testing.T) {
	for _, id := range []string{`"ID"`, `null`} {
		_, err := opened(t, realtime.DialectPreview, pcmu(), func(p peer) {
			p.send(created, `{"type":"error","error":{"type":"server_error","event_id":"another"}}`)
			update := p.read()
			p.send(`{"type":"error","error":{"type":"server_error","event_id":"another"}}`,
				fmt.Sprintf(`{"type":"error","error":{"type":"invalid_request_error","code":"invalid_value","param":"session.temperature","message":"too cold","event_id":%s}}`,
					strings.Replace(id, "ID", update.EventID, 1)))
		})
		if id == `"ID"` && errors.Is(err, realtime.ErrOpenTimeout) {
			t.Errorf("the error was not taken for an answer")
		}
		wantRefused(t, err, "session.temperature")
	}
}

func wantRefused(t *testing.T, err error, param string) {
	t.Helper()
	refused, ok := errors.AsType[*realtime.RefusedError](err)
	if !ok || refused.Err.Param != param || !strings.Contains(err.Error(), param) || !realtime.IsFatal(err) {
		t.Errorf("%v, want a refusal that names %s", err, param)
	}
}

func TestP64OpenSaysWrongDialect(t *testing.T) {
	answers := map[realtime.Dialect]string{
		realtime.DialectGA:      `{"type":"error","error":{"code":"unknown_parameter","param":"session.type"}}`,
		realtime.DialectPreview: `{"type":"error","error":{"code":"beta_api_shape_disabled"}}`,
	}
	for d, answer := range answers {
		_, err := opened(t, d, pcmu(), func(p peer) {
			if d == realtime.DialectGA {
				p.send(created)
				p.read()
			}
			p.send(answer)
		})
		if !realtime.WrongDialect(err) || !realtime.IsFatal(err) || !strings.Contains(err.Error(), "does not speak") {
			t.Errorf("%s: %v, want the wrong dialect in plain words", d, err)
		}
	}
}

func TestP64CloseAtOnceIsWrongDialect(t *testing.T) {
	_, err := opened(t, realtime.DialectPreview, pcmu(), func(p peer) {
		p.Close(4000, "invalid_request_error.beta_api_shape_disabled")
	})
	if !realtime.WrongDialect(err) || !realtime.IsFatal(err) {
		t.Errorf("%v, want the wrong dialect", err)
	}
}

func TestR14OpenWaitsForABoundedTime(t *testing.T) {
	for name, server := range map[string]func(peer){
		"no session.created": func(p peer) { p.Read(context.Background()) },
		"no session.updated": func(p peer) {
			p.send(created)
			p.read()
			p.Read(context.Background())
		},
	} {
		start, took := time.Now(), time.Duration(0)
		_, err := opened(t, realtime.DialectGA, pcmu(), func(p peer) {
			start = time.Now()
			server(p)
			took = time.Since(start)
		})
		if !errors.Is(err, realtime.ErrOpenTimeout) || !realtime.IsRetryable(err) || took != 5*time.Second {
			t.Errorf("%s: %v after %v, want ErrOpenTimeout after 5s", name, err, took)
		}
	}
}

func TestOldAzureTakesNoneForNull(t *testing.T) {
	want := pcmu()
	want.TurnDetection = realtime.Null[realtime.TurnDetection]()
	refusal := `{"type":"error","error":{"code":"invalid_type","param":"session.turn_detection","event_id":"EVENT"}}`
	got, err := opened(t, realtime.DialectPreview, want, func(p peer) {
		p.send(created)
		first := p.read()
		if v, has := first.Session["turn_detection"]; !has || v != nil {
			t.Errorf("first update holds turn_detection %v", v)
		}
		p.send(strings.Replace(refusal, "EVENT", first.EventID, 1))
		if v := fmt.Sprint(p.read().Session["turn_detection"]); v != "map[type:none]" {
			t.Errorf("second update holds turn_detection %s", v)
		}
		p.send(`{"type":"session.updated","session":{"turn_detection":{"type":"none"}}}`)
	})
	if err != nil || !got.TurnDetection.IsNull() {
		t.Errorf("%+v, %v", got.TurnDetection, err)
	}
	_, err = opened(t, realtime.DialectPreview, want, func(p peer) {
		p.send(created)
		for range 2 {
			p.send(strings.Replace(refusal, "EVENT", p.read().EventID, 1))
		}
	})
	wantRefused(t, err, "session.turn_detection")
}
