package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Server is the simulated service, an http.Handler for the addresses of both
// providers. It is safe for concurrent use. Close it when done.
type Server struct {
	// Static.
	opts       Options
	recogniser *recogniser
	voice      *voice
	clips      []Clip // of the assistant
	known      []Clip // of callers
	ctx        context.Context
	cancel     context.CancelFunc
	handlers   sync.WaitGroup // ServeHTTP calls; joined by Close

	// Guarded by mu.
	mu       sync.Mutex
	closed   bool
	faults   Faults
	refused  int // upgrades that the faults refused
	serial   int
	sessions []*Session    // alive and ended, oldest first
	news     chan struct{} // closed, and replaced, when a session comes
}

// New makes a server. The error answers to errors.Is(err, ErrOptions), and to
// ErrScript when the script is at fault.
func New(opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts:       opts,
		recogniser: newRecogniser(opts.CallerClips),
		voice:      newVoice(),
		clips:      append(append([]Clip(nil), builtIn().agent...), opts.AgentClips...),
		known:      append(append([]Clip(nil), builtIn().caller...), opts.CallerClips...),
		faults:     opts.Script.Faults,
		news:       make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// SetFaults replaces the faults for sessions that come. Session.SetFaults is
// for one that lives. Faults that make no sense are refused.
func (s *Server) SetFaults(f Faults) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.refused = f, 0
	return nil
}

// Sessions returns the sessions so far, oldest first: those alive, and the last
// Options.KeepSessions that ended.
func (s *Server) Sessions() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Session(nil), s.sessions...)
}

// WaitSession returns the session with the given index (0 is the first since
// the server began, as long as none was forgotten), waiting for it.
func (s *Server) WaitSession(ctx context.Context, index int) (*Session, error) {
	for {
		arrived := s.arrived()
		if list := s.Sessions(); index < len(list) {
			return list[index], nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for session %d: %w", index, ctx.Err())
		}
	}
}

// Close ends all sessions (close 1001), refuses new ones, and returns when the
// last handler has returned.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.handlers.Wait()
	return nil
}

// ServeHTTP answers an upgrade, serves the session, and returns at its end.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, errShut.Error(), http.StatusServiceUnavailable)
		return
	}
	defer s.handlers.Done()
	faults := s.currentFaults()
	if err := s.pause(r.Context(), faults.UpgradeDelay); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if problem := s.refusal(faults); problem != nil {
		if faults.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(faults.RetryAfter/time.Second)))
		}
		problem.write(w)
		return
	}
	up, problem := s.checkUpgrade(r)
	if problem != nil {
		problem.write(w)
		return
	}
	t := &tap{ResponseWriter: w}
	conn, err := websocket.Accept(t, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil { // Accept has answered
		s.opts.Log.Info("refuse upgrade", "err", err)
		return
	}
	conn.SetReadLimit(maxMessage)
	s.add(up, &socket{conn, t.wire}, faults).run(s.ctx)
}

// maxMessage leaves room above the longest append (15 MiB, 20 MiB in base64), so
// that a longer one gets its error event rather than close 1009.
const maxMessage = 24 << 20

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.handlers.Add(1)
	return true
}

func (s *Server) currentFaults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

var errShut = errors.New("simulator is closed")

// pause waits, unless the client gives up or the server is closed.
func (s *Server) pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ctx.Done():
		return errShut
	}
}

// refusal is the answer to an upgrade that the faults refuse.
func (s *Server) refusal(f Faults) *httpProblem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.UpgradeStatus == 0 || f.UpgradeCount > 0 && s.refused >= f.UpgradeCount {
		return nil
	}
	s.refused++
	return &httpProblem{f.UpgradeStatus, "simulated_fault", "this refusal was asked for"}
}

// add makes the session and forgets the oldest ended ones beyond the limit.
func (s *Server) add(up upgrade, l link, f Faults) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	n := newSession(s, s.serial, up, l, f)
	s.sessions = append(s.sessions, n)
	close(s.news)
	s.news = make(chan struct{})
	return n
}

// arrived returns a channel that is closed when the next session comes.
func (s *Server) arrived() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

// forget drops the records of the oldest ended sessions beyond the limit.
func (s *Server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := 0
	for _, x := range s.sessions {
		if x.over() {
			ended++
		}
	}
	kept := s.sessions[:0]
	for _, x := range s.sessions {
		if ended > s.opts.KeepSessions && x.over() {
			ended--
			continue
		}
		kept = append(kept, x)
	}
	clear(s.sessions[len(kept):])
	s.sessions = kept
}
