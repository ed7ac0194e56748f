package tools

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"
)

// programGrace is how long a program may take to end by itself once its standard input is closed.
const programGrace = time.Second

// usualEnv is what programs need to run at all. Everything else of our environment stays with us.
var usualEnv = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA"}

// program is a running MCP server. Static after the start, but for what os.File guards itself.
type program struct {
	cmd *exec.Cmd
	in  *os.File // its standard input
	out *os.File // its standard output
	end chan struct{}
}

// startProgram starts the command of s. Its end is waited for by a goroutine that stop joins.
func startProgram(s MCPServer) (*program, error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		closeAll(stdin, in)
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Env = environmentOf(s.Env)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &lineLog{log: s.Log.With("server", s.Name)}
	cmd.WaitDelay = programGrace // of what it left running and still writes
	ownGroup(cmd)
	err = cmd.Start()
	closeAll(stdin, stdout) // ours are the other ends
	if err != nil {
		closeAll(in, out)
		return nil, fmt.Errorf("start the program: %w", err)
	}
	p := &program{cmd, in, out, make(chan struct{})}
	go p.wait()
	return p, nil
}

// wait ends what the program left running, so that its output ends too.
func (p *program) wait() {
	defer close(p.end)
	_ = p.cmd.Wait() // how it ended is of no use: it should not have
	killGroup(p.cmd)
}

// stop asks the program to end, by the end of its input, and kills its process group if it does not.
func (p *program) stop() {
	closeAll(p.in)
	timer := time.NewTimer(programGrace)
	defer timer.Stop()
	select {
	case <-p.end:
	case <-timer.C:
		killGroup(p.cmd)
		<-p.end
	}
	closeAll(p.out)
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// environmentOf is the environment of a program: the usual, and the entries of the configuration.
func environmentOf(entries []string) []string {
	var env []string
	for _, name := range usualEnv {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, e := range entries {
		if strings.Contains(e, "=") {
			env = append(env, e)
		} else if value, ok := os.LookupEnv(e); ok {
			env = append(env, e+"="+value)
		}
	}
	return env
}

// lineLog logs what a program writes, a line at a time and cut. Owned by the goroutine of os/exec that copies.
type lineLog struct {
	log  *slog.Logger
	rest []byte
}

const maxLogLine = 500

// Write implements io.Writer.
func (l *lineLog) Write(p []byte) (int, error) {
	n := len(p)
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return n, nil
	}
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		l.rest = append(l.rest, line[:min(len(line), maxLogLine-len(l.rest))]...)
		if !whole {
			return n, nil
		}
		l.log.Debug("MCP server writes", "line", strings.ToValidUTF8(string(l.rest), "\uFFFD"))
		l.rest, p = l.rest[:0], rest
	}
}
