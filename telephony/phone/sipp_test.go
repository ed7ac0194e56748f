package phone

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// freePort is a UDP port that was free a moment ago, with room above it.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func portOfNobody(t *testing.T) string {
	return fmt.Sprintf("sip:nobody@127.0.0.1:%d", freePort(t))
}

// sipp, a stack that shares nothing with ours, answers and echoes our RTP.
func TestAgainstSipp(t *testing.T) {
	port := freePort(t)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	var out strings.Builder
	cmd := exec.CommandContext(ctx, "sipp", "-sn", "uas", "-rtp_echo", "-i", "127.0.0.1", "-mi", "127.0.0.1",
		"-p", fmt.Sprint(port), "-mp", fmt.Sprint(freePort(t)&^1), "-m", "1", "-nostdin")
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitBound(t, port)
	r, err := newPhone(t, "udp").Call(ctx, CallOptions{
		To:     fmt.Sprintf("sip:service@127.0.0.1:%d", port),
		Script: []Step{Say{Clip: clip(400, 800)}, WaitQuiet{For: 300 * time.Millisecond}, Hangup{}},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if r.SentHash != r.ReceivedHash || r.Media.Lost != 0 || r.EndedBy != Us {
		t.Errorf("sent %d bytes, %d bytes came back, %d lost, ended by %q", len(r.SentAudio), len(r.ReceivedAudio), r.Media.Lost, r.EndedBy)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("sipp: %v\n%s", err, out.String())
	}
}

// awaitBound waits until somebody listens on a UDP port.
func awaitBound(t *testing.T, port int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			return
		}
		c.Close()
	}
	t.Fatalf("nobody listens on port %d", port)
}
