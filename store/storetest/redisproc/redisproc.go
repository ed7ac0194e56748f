// Package redisproc runs a real redis-server for a test: a process of its own on a free port of the loopback interface,
// with its data in a directory that goes with the test. It can be killed as a crash would, restarted on what it had
// written, and frozen.
//
//	redis := redisproc.Start(t)
//	s, err := redisstore.Open(redisstore.Options{URL: redis.URL()})
//
// StartCluster, StartSentinel and StartTLS make more of it. It speaks just enough of the protocol to set these up, and so
// needs no client library. A machine without redis-server fails the test; it does not skip it.
package redisproc

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long the server may take to start or stop on a busy machine.
const patience = 20 * time.Second

// Server is a redis-server. Its methods fail the test when something goes wrong; they must be called from the goroutine
// that runs the test.
type Server struct {
	Addr string // host:port

	t      testing.TB
	dir    string
	port   string
	bus    string // port for the other nodes of a Cluster; "": none
	args   []string
	secure *Certificate // nil: it speaks plainly

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
}

// Start runs a server until the test ends. It appends to a log on each write ("appendonly yes"), synced each second as
// is usual. More arguments are those of the redis-server command line: "--requirepass", "secret".
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, &Server{args: args})
}

// start runs a server of which all is known but where it is.
func start(t testing.TB, s *Server) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs a real Redis: apt-get install redis-server (%v)", err)
	}
	dir, err := os.MkdirTemp("", "redisproc")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.dir = t, dir
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	// Between finding a free port and its use by the server another process may take it.
	for range 5 {
		s.port = freePort(t)
		if s.bus != "" {
			s.bus = freePort(t)
		}
		s.Addr = net.JoinHostPort("127.0.0.1", s.port)
		if err = s.launch(); err == nil {
			return s
		}
	}
	t.Fatalf("redis-server does not start: %v\n%s", err, s.log())
	return nil
}

// URL is the address as redisstore and the configuration take it.
func (s *Server) URL() string {
	if s.secure != nil {
		return "rediss://" + s.Addr + "/0"
	}
	return "redis://" + s.Addr + "/0"
}

// PID is the process id, 0 when the server is down.
func (s *Server) PID() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Kill ends the server as a crash would (SIGKILL). Killing it twice is fine.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// Restart kills the server when it runs and starts it again on the same port with the data it had.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err = s.launch(); err == nil {
			return
		}
	}
	s.t.Fatalf("redis-server does not restart: %v\n%s", err, s.log())
}

// Pause freezes the server (SIGSTOP): connections stay open and nothing answers.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume thaws it.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatal("redis-server is not running")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// launch starts the process and waits until it answers.
func (s *Server) launch() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("redis-server", s.arguments()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithUs()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	exited := s.exited
	go func() { // joined by Kill, which waits for exited
		cmd.Wait()
		close(exited)
	}()
	if err := s.await(); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// arguments are the command line.
func (s *Server) arguments() []string {
	if s.sentinel() {
		return append([]string{s.args[0], "--sentinel", "--bind", "127.0.0.1", "--port", s.port, "--dir", s.dir}, s.args[1:]...)
	}
	args := append([]string{
		"--bind", "127.0.0.1", "--port", s.port, "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--daemonize", "no"}, s.args...)
	if s.bus != "" {
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", s.bus)
	}
	if s.secure != nil {
		args = append(args, "--port", "0", "--tls-port", s.port, "--tls-replication", "yes", "--tls-cluster", "yes",
			"--tls-cert-file", s.secure.CertFile, "--tls-key-file", s.secure.KeyFile, "--tls-ca-cert-file", s.secure.CAFile)
	}
	return args
}

// await says PING until the server answers, ends or time is up.
func (s *Server) await() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for !s.ready() {
		select {
		case <-tick.C:
		case <-s.exited:
			return errors.New("it exited")
		case <-timeout.C:
			return errors.New("it does not answer")
		}
	}
	return nil
}

// ready reports whether the server answers. One that asks for a password does, one that loads its data does not.
func (s *Server) ready() bool {
	answer, err := s.do(time.Second, "PING")
	return answer == "PONG" || err != nil && strings.HasPrefix(err.Error(), "NOAUTH")
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// log is what the server wrote, for a failing test.
func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}
