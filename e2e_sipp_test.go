package trunkline_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/transcode"
)

// scenario fills in a scenario of testdata/e2e; what is in square brackets is left to sipp.
func scenario(t *testing.T, name string, data any) string {
	t.Helper()
	tmpl, err := template.ParseFiles(filepath.Join("testdata", "e2e", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".xml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := tmpl.Execute(f, data); err != nil {
		t.Fatal(err)
	}
	return path
}

// sipp starts sipp with a scenario file. It says in its own file what it did not like; failed reads it.
func sipp(t *testing.T, file, transport, to string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(context.Background(), peer(t, "sipp", "sip-tester"), append([]string{
		to, "-sf", file, "-t", map[string]string{"udp": "u1", "tcp": "t1"}[transport], "-m", "1", "-nostdin",
		"-i", "127.0.0.1", "-p", freePort(t), "-mp", freePort(t), "-timeout", "60", "-timeout_error",
		"-trace_err", "-error_file", filepath.Join(dir, "errors.log"),
	}, args...)...)
	cmd.Dir = dir
	return start(t, cmd)
}

// failed is what sipp wrote about its failure.
func failed(p *process) string {
	log, _ := os.ReadFile(filepath.Join(p.cmd.Dir, "errors.log"))
	return p.out.tail() + "\n" + string(log)
}

// succeed runs a scenario to its end. It tries again when a port that was free was taken meanwhile.
func succeed(t *testing.T, file, transport, to string, args ...string) {
	t.Helper()
	for range 10 {
		p := sipp(t, file, transport, to, args...)
		err := p.wait()
		if err == nil {
			return
		}
		if !strings.Contains(failed(p), "Unable to bind") {
			t.Fatalf("sipp %s over %s: %v\n%s", filepath.Base(file), transport, err, failed(p))
		}
	}
	t.Fatal("sipp finds no free port")
}

// freePort is an even port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).Port
		_ = c.Close()
		if port%2 == 0 {
			return strconv.Itoa(port)
		}
	}
}

// phoneCall is a call that sipp holds, tapped.
type phoneCall struct {
	*tap
	t       *testing.T
	law     transcode.Law
	sipp    *process
	session *simulator.Session
}

// callPlan says what a call will do.
type callPlan struct {
	law     transcode.Law
	clips   []simulator.Clip // one a cue
	hangsUp bool             // after one cue more; else the service does
	session int              // index at the model
}

// place makes a call and waits until it is answered.
func place(t *testing.T, s *service, m *model, plan callPlan) *phoneCall {
	t.Helper()
	files := make([]string, len(plan.clips))
	for i, c := range plan.clips {
		files[i] = lawFile(t, plan.law, c)
	}
	file := scenario(t, "call", map[string]any{"PayloadType": plan.law.PayloadType(), "Clips": files, "HangsUp": plan.hangsUp,
		"Silence": lawFile(t, plan.law, simulator.Clip{Name: "silence", Samples: make([]int16, 10*transcode.FrameBytes)})})
	c := &phoneCall{tap: newTap(t, s.sip["udp"]), t: t, law: plan.law}
	for range 10 {
		c.sipp = sipp(t, file, "udp", c.addr())
		eventually(t, "the call is answered", func() bool { return c.answered() || !c.sipp.running() })
		if c.sipp.running() || !strings.Contains(failed(c.sipp), "Unable to bind") {
			break
		}
	}
	if !c.sipp.running() {
		t.Fatalf("sipp: %v\n%s", c.sipp.err, failed(c.sipp))
	}
	c.session = m.session(t, plan.session)
	return c
}

// heardAll waits until the model has spoken n items and the caller was sent every one to its end, but for those that were
// cut.
func (c *phoneCall) heardAll(n int) {
	c.t.Helper()
	fault := ""
	eventually(c.t, strconv.Itoa(n)+" items of the agent heard", func() bool {
		rec := c.session.Record()
		fault = match(c.law, &rec, c.toCaller()).fault
		for _, r := range rec.Responses {
			if r.Status == "in_progress" {
				return false
			}
		}
		return len(rec.Spoken) >= n && fault == ""
	}, func() string { return fault })
}

// over waits until sipp has seen the end that its scenario wants, and returns what the model saw of the call.
func (c *phoneCall) over() simulator.Record {
	c.t.Helper()
	if err := c.sipp.wait(); err != nil {
		c.t.Fatalf("sipp: %v\n%s", err, failed(c.sipp))
	}
	return ended(c.t, c.session)
}
