package redisproc

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// ask sends one inline command and returns the first line of the answer.
func ask(t *testing.T, s *Server, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "%s\r\n", command)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(line)
}

func TestKilledServerComesBackWithItsData(t *testing.T) {
	s := Start(t)
	if got := ask(t, s, "INCR n"); got != ":1" {
		t.Fatalf("INCR: %s", got)
	}
	s.Kill()
	if s.PID() != 0 {
		t.Error("a killed server has a process id")
	}
	if _, err := net.Dial("tcp", s.Addr); err == nil {
		t.Error("a killed server answers")
	}
	s.Restart()
	if got := ask(t, s, "INCR n"); got != ":2" {
		t.Errorf("after kill -9 and restart INCR said %s, want :2", got)
	}
}

func TestPausedServerIsSilentUntilResumed(t *testing.T) {
	s := Start(t)
	s.Pause()
	conn, err := net.Dial("tcp", s.Addr) // the kernel accepts
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PING\r\n")
	conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 8)); err == nil {
		t.Errorf("a paused server sent %d bytes", n)
	}
	s.Resume()
	conn.SetReadDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "+PONG\r\n" {
		t.Errorf("resumed: %q, %v", line, err)
	}
}

func TestServerWithPassword(t *testing.T) {
	s := Start(t, "--requirepass", "open sesame")
	if got := ask(t, s, "PING"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("PING without password: %s", got)
	}
}
