package simulator

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Session is one connection of a client. Its methods look at it and disturb it
// from outside; all but Record wait until the session's goroutine has done
// what they ask, so they must not be called from an Observer.
type Session struct {
	// Static.
	srv   *Server
	opts  *Options
	id    string
	ga    bool
	up    upgrade
	link  link
	log   *slog.Logger
	inbox chan message // from the reader, which closes it
	ask   chan func()  // from the methods; never closed
	done  chan struct{}
	began time.Time

	// Owned by run.
	faults    Faults
	ending    *ending // why the loop stops
	readErr   error   // of the reader, after inbox was closed
	events    int     // sent, for their ids
	received  int     // events of the client but appends
	ids       int     // given, for ids of items and the like
	set       settings
	updated   bool // a session.update was accepted
	spoke     bool // audio has left: the voice is fixed
	agenda    agenda
	talk      conversation
	dialogue  dialogue
	input     input
	active    *response
	beside    []*response // out-of-band ones
	overdue   []func()    // transcriptions that wait for the next turn
	lastInput time.Time

	// Guarded by mu.
	mu  sync.Mutex
	rec Record
}

// ending is how a session ends.
type ending struct {
	code websocket.StatusCode // 0: without a close handshake
	why  string
}

// inboxSize is how many messages wait for the session; then the reader, and in
// the end the client, waits.
const inboxSize = 64

func newSession(srv *Server, serial int, up upgrade, l link, f Faults) *Session {
	s := &Session{
		srv: srv, opts: &srv.opts, up: up, link: l, faults: f,
		id:    fmt.Sprintf("sess_%08x", serial),
		ga:    srv.opts.Dialect == DialectGA,
		inbox: make(chan message, inboxSize),
		ask:   make(chan func()),
		done:  make(chan struct{}),
		began: time.Now(),
	}
	s.log = srv.opts.Log.With("session", s.id)
	s.set = defaultSettings(s.ga)
	s.dialogue = newDialogue(srv.opts.Script, srv.clips, srv.known)
	s.rec = Record{ID: s.id, Dialect: srv.opts.Dialect, Model: up.model, Path: up.path, Started: s.began, Errors: map[string]int{}}
	return s
}

// run is the session's life. It returns when both goroutines have ended.
func (s *Session) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.read()
	s.open()
	for s.ending == nil {
		select {
		case m, ok := <-s.inbox:
			if !ok {
				s.end(0, "client: "+describe(s.readErr))
				continue
			}
			s.receive(m)
		case f := <-s.ask:
			f()
		case <-s.agenda.C():
			s.agenda.next()
		case <-ctx.Done():
			s.end(websocket.StatusGoingAway, "server shuts down")
		}
	}
	s.close()
}

// read passes messages to the loop until the connection or the session ends.
func (s *Session) read() {
	defer close(s.inbox)
	for {
		m, err := s.link.read()
		if err != nil {
			s.readErr = err
			return
		}
		select {
		case s.inbox <- m:
		case <-s.done:
			return
		}
	}
}

// open greets the client as its dialect does, or turns it away.
func (s *Session) open() {
	s.observe(ObserveOpened, Observation{Text: s.up.model})
	if s.up.shape != nil {
		s.complain(s.up.shape, "")
		s.end(4000, "invalid_request_error."+s.up.shape.code)
		return
	}
	s.send("session.created", "session", s.session())
	if !s.ga {
		s.send("conversation.created", "conversation", fields{"id", s.newID("conv"), "object", "realtime.conversation"})
	}
	s.agenda.after(s.life(), s.expire)
}

func (s *Session) life() time.Duration { return or(s.faults.ExpireAfter, s.opts.SessionLife) }

func (s *Session) expire() {
	life := s.life().Round(time.Second)
	why := fmt.Sprintf("Your session hit the maximum duration of %v.", life)
	s.complain(refuse(codeExpired, "", "%s", why), "")
	s.end(websocket.StatusGoingAway, why)
}

// end stops the loop. The first reason stays.
func (s *Session) end(code websocket.StatusCode, why string) {
	if s.ending == nil {
		s.ending = &ending{code, why}
	}
}

// close ends the connection as the ending says and joins the reader.
func (s *Session) close() {
	s.agenda.stop()
	close(s.done)
	s.link.close(s.ending.code, s.ending.why)
	for range s.inbox { // until the reader has closed it
	}
	s.mu.Lock()
	s.rec.Ended, s.rec.End = time.Now(), s.ending.why
	s.mu.Unlock()
	s.observe(ObserveEnded, Observation{Text: s.ending.why})
	s.log.Debug("session ended", "why", s.ending.why)
	s.srv.forget()
}

// session is the session object in the session's dialect.
func (s *Session) session() fields {
	expires := s.began.Add(s.life()).Unix()
	if s.ga {
		return s.set.gaSession(s.id, s.up.model, expires)
	}
	return s.set.previewSession(s.id, s.up.model, expires)
}

// newID gives an id with a prefix: unique in the server, at most 32 characters.
func (s *Session) newID(prefix string) string {
	s.ids++
	return prefix + "_" + s.id[len("sess_"):] + "_" + strconv.Itoa(s.ids)
}

// gaEvents are the names that GA gave to events of the preview.
var gaEvents = map[string]string{
	"response.text.delta":             "response.output_text.delta",
	"response.text.done":              "response.output_text.done",
	"response.audio.delta":            "response.output_audio.delta",
	"response.audio.done":             "response.output_audio.done",
	"response.audio_transcript.delta": "response.output_audio_transcript.delta",
	"response.audio_transcript.done":  "response.output_audio_transcript.done",
}

// send writes one event, named as in the preview, with its members.
func (s *Session) send(name string, members ...any) {
	if ga, renamed := gaEvents[name]; s.ga && renamed {
		name = ga
	}
	s.events++
	f := make(fields, 0, 4+len(members))
	f = append(f, "type", name)
	if !s.faults.MissingEventIDs {
		f = append(f, "event_id", "event_"+strconv.Itoa(s.events))
	}
	f = append(f, members...)
	if s.faults.TypeLast {
		f = f.typeLast()
	}
	data, err := f.MarshalJSON()
	if err != nil {
		s.log.Error("encode event", "event", name, "err", err)
		s.end(websocket.StatusInternalError, "internal error")
		return
	}
	s.write(data)
	if s.events == s.faults.DropAfterSent {
		s.cutOff()
	}
}

// write sends one text message. A client that does not take it loses the session.
func (s *Session) write(data []byte) {
	if s.ending != nil {
		return
	}
	if err := s.link.write(data); err != nil {
		s.end(0, "write: "+describe(err))
	}
}

// complain sends an error event.
func (s *Session) complain(r *refusal, eventID string) {
	if s.faults.NoErrorEventID {
		eventID = ""
	}
	s.record(func(rec *Record) { rec.Errors[r.code]++ })
	s.send("error", "error", r.body(eventID))
}

func (s *Session) observe(kind ObservationKind, o Observation) {
	o.At, o.Session, o.Kind = time.Now(), s.id, kind
	s.opts.Observer(o)
}

// record changes the record.
func (s *Session) record(change func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.rec)
}

func (s *Session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.rec.Ended.IsZero()
}

func describe(err error) string {
	if code := websocket.CloseStatus(err); code != -1 {
		return "close " + strconv.Itoa(int(code))
	}
	return shorten(err.Error(), 200)
}

func shorten(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
