package trunkline_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The tests named e2e hold whole calls with the built program: phones that share no code with ours (sipp, baresip), the
// strict simulator in place of the model, a real Redis, and a tap on the wire between phone and service.
//
//	sipp ──► tap ──► trunkline serve ──► simulator (in this process)
//	     ◄──     ◄──       │         ◄──
//	                       └──► redis-server
//
// They wait for what happens, never for a time; patience is only how long until they give up.
const patience = 30 * time.Second

// TestE2E is all of them: each needs the program, which is built once. They run side by side, as many as -parallel says;
// most of a call is waiting.
func TestE2E(t *testing.T) {
	build(t)
	for name, test := range map[string]func(t *testing.T){
		"conversation":          testConversation,
		"baresip":               testBaresip,
		"encrypted":             testEncrypted,
		"password":              testPassword,
		"softphone manners":     testSoftphoneManners,
		"flood":                 testFlood,
		"barge-in":              testBargeIn,
		"barge-in on a queue":   testBargeInQueue,
		"hang-up in mid-answer": testHangUpMidAnswer,
		"many calls":            testManyCalls,
		"drain":                 testDrain,
		"drain timeout":         testDrainTimeout,
		"second signal":         testSecondSignal,
		"refusals":              testRefusals,
		"strangers":             testStrangers,
		"busy":                  testBusy,
		"model unreachable":     testModelUnreachable,
		"cancel":                testCancel,
		"redis outage":          testRedisOutage,
		"model lost":            testModelLost,
		"service killed":        testServiceKilled,
		"redis killed":          testRedisKilled,
		"redis down at start":   testRedisDownAtStart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// program is the program under test.
var program string

// build makes it, with the race detector when the tests have it.
func build(t *testing.T) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "trunkline")
	args := []string{"build", "-o", program}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "./cmd/trunkline")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// peer returns the path of a program of Debian that a test needs.
func peer(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s: apt-get install %s (%v)", name, debianPackage, err)
	}
	return path
}

// process is a program that a test started. It is ended by its own id, at the end of the test at the latest.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	out    lockedBuffer  // what it printed, both streams unless taken elsewhere
	exited chan struct{} // closed when it has ended
	err    error         // of Wait; read after exited
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(cmd.Path), cmd: cmd, exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.out
	}
	cmd.SysProcAttr = dieWithUs()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() { // joined by kill
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process if it still runs.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// wait returns how the process ended; it fails the test when it does not end.
func (p *process) wait() error {
	p.t.Helper()
	return p.waitFor(patience)
}

func (p *process) waitFor(limit time.Duration) error {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.err
	case <-time.After(limit):
		p.t.Fatalf("%s does not end\n%s", p.name, p.out.tail())
		return nil
	}
}

// lockedBuffer is written by a process and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) tail() string {
	s := l.String()
	return s[max(0, len(s)-3000):]
}

// eventually waits until ok, and fails the test when that does not happen; why, if given, tells more about it.
func eventually(t *testing.T, what string, ok func() bool, why ...func() string) {
	t.Helper()
	eventuallyWithin(t, patience, what, ok, why...)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, ok func() bool, why ...func() string) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	for _, w := range why {
		what += ": " + w()
	}
	t.Fatalf("never happened: %s", what)
}
