package simulator

import (
	"encoding/base64"
	"encoding/json"
	"testing"
)

func appendOf(audio []byte) string {
	return `{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(audio) + `"}`
}

// offline is a session without a connection; what it sends must be JSON.
func offline(tb testing.TB, opts Options) *Session {
	tb.Helper()
	return offlineOn(tb, closedServer(tb, opts))
}

// closedServer serves nobody, but sessions can be made of it.
func closedServer(tb testing.TB, opts Options) *Server {
	tb.Helper()
	srv, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	srv.Close()
	return srv
}

func offlineOn(tb testing.TB, srv *Server) *Session {
	return newSession(srv, 1, upgrade{model: "m"}, &noLink{tb: tb}, Faults{})
}

// noLink is a connection to nobody.
type noLink struct {
	link
	tb testing.TB
}

func (l *noLink) write(data []byte) error {
	if !json.Valid(data) {
		l.tb.Fatalf("not JSON: %s", data)
	}
	return nil
}

// FuzzClientEvent: nothing a client sends breaks the server, whatever comes
// after it; a refused event changes no setting.
func FuzzClientEvent(f *testing.F) {
	for _, list := range [][]refused{commonRefusals, previewRefusals, lateRefusals, gaRefusals} {
		for _, r := range list {
			f.Add([]byte(r.event), true)
			f.Add([]byte(r.event), false)
		}
	}
	for _, ok := range acceptedGA {
		f.Add([]byte(ok), true)
	}
	for _, ok := range acceptedPreview {
		f.Add([]byte(ok), false)
	}
	preview, ga := closedServer(f, Options{Dialect: DialectPreview}), closedServer(f, Options{})
	f.Fuzz(func(t *testing.T, data []byte, gaDialect bool) {
		s := offlineOn(t, preview)
		if gaDialect {
			s = offlineOn(t, ga)
		}
		before, err := json.Marshal(s.session())
		if err != nil {
			t.Fatal(err)
		}
		s.receive(message{data: data})
		after, err := json.Marshal(s.session())
		if err != nil {
			t.Fatal(err)
		}
		if len(s.rec.Violations) > 0 && string(before) != string(after) {
			t.Errorf("refused %q changed the session to %s", data, after)
		}
		for len(s.agenda.list) > 0 { // all that it started
			e := s.agenda.list[0]
			s.agenda.list = s.agenda.list[1:]
			e.do()
		}
		s.receive(message{data: data})
		s.agenda.stop()
	})
}

// FuzzAppendAudio: audio of any bytes and any length is heard for as long as it is.
func FuzzAppendAudio(f *testing.F) {
	f.Add([]byte{0xff, 0x7f, 0}, uint8(0))
	f.Add(make([]byte, 1001), uint8(2))
	srv := closedServer(f, Options{})
	f.Fuzz(func(t *testing.T, audio []byte, kind uint8) {
		s := offlineOn(t, srv)
		s.set.in = format(kind % 3)
		s.receive(message{data: []byte(appendOf(audio))})
		s.receive(message{data: []byte(appendOf(audio))})
		if want := 2 * len(audio) / s.set.in.bytesPerMS() * 8; s.input.end() < want-8 || s.input.end() > want+16 {
			t.Errorf("%d bytes are %d samples", 2*len(audio), s.input.end())
		}
		s.receive(message{data: []byte(`{"type":"input_audio_buffer.commit"}`)})
		s.agenda.stop()
	})
}
