package stage

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Build compiles the program in the directory of the test and returns its path.
func Build(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// Process is a program that runs beside the test.
type Process struct {
	cmd *exec.Cmd
	out *bufio.Reader // its standard output
	err *keeper       // what it wrote to its standard error
}

// Said reports whether the program has written text to its standard error.
func (p *Process) Said(text string) bool { return strings.Contains(p.err.text(), text) }

// Start starts a program whose standard output the test reads. It is killed with the test. Its standard error is shown when
// the test fails.
func Start(t testing.TB, env []string, command ...string) *Process {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second
	kept := &keeper{}
	cmd.Stderr = kept
	pipe, err := cmd.StdoutPipe()
	Must(t, err)
	Must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("standard error of %s:\n%s", filepath.Base(command[0]), kept.text())
		}
	})
	return &Process{cmd, bufio.NewReader(pipe), kept}
}

// Line reads a line of standard output: where a program tells its address.
func (p *Process) Line(t testing.TB) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the program ended before it wrote a line: %v", err)
	}
	return strings.TrimSpace(line)
}

// Signal sends a signal and returns how the program ends.
func (p *Process) Signal(t testing.TB, s os.Signal) error {
	t.Helper()
	Must(t, p.cmd.Process.Signal(s))
	return p.Wait()
}

// Wait returns how the program ends.
func (p *Process) Wait() error {
	_, _ = io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}

// Serves builds the program of the example, starts it in its directory as its README says, but on free ports, waits until
// it answers on the telephone side, and asks it to end.
func Serves(t *testing.T) {
	t.Helper()
	port := freePort(t)
	p := Start(t, []string{"TRUNKLINE_SIP_LISTEN=tcp://" + port, "TRUNKLINE_ADMIN_LISTEN=127.0.0.1:0", "TRUNKLINE_SUPERVISOR_LISTEN=127.0.0.1:0",
		"TRUNKLINE_STORE_PATH=" + filepath.Join(t.TempDir(), "calls.db")}, Build(t))
	Until(t, "the program answers calls", func() bool {
		conn, err := net.Dial("tcp", port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	if err := p.Signal(t, syscall.SIGTERM); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// freePort is an address of this machine that nobody listened on a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	defer ln.Close()
	return ln.Addr().String()
}
