package telephony

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/media"
)

// A phone made by others reports about us, and answers our reports, over its RTCP port and
// over that of RTP.
func TestBaresipReports(t *testing.T) {
	for _, mux := range []string{"no", "yes"} {
		t.Run("mux "+mux, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for its next report
			type result struct {
				quality media.Quality
				stats   media.Stats
				mux     bool
			}
			done := make(chan result, 1)
			s := start(t, Config{}, func(ctx context.Context, c *Call) {
				_ = c.Answer(ctx)
				for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; <-time.After(20 * time.Millisecond) {
					if c.Quality().RTT > 0 {
						break
					}
				}
				c.mu.Lock()
				muxed := c.agreed.RTCPMux
				c.mu.Unlock()
				done <- result{c.Quality(), c.Media().Stats(), muxed}
			})
			log := dialWithBaresip(t, "sip:+4930123@"+s.addr("udp"), "rtcp_mux "+mux)
			got := recvWithin(t, done, 40*time.Second)
			q, c := got.quality, got.stats.Control
			if q.RTT <= 0 || q.RTT > 5*time.Second || q.Agent.Packets == 0 || q.Agent.MOS < 1 || q.Caller.MOS < 1 {
				t.Errorf("%+v\n%s", q, log)
			}
			// It may report before its first audio has proven it.
			if c.In == 0 || c.Out == 0 || c.Malformed+got.stats.Bad.RTCP != 0 || c.Foreign > 1 || got.mux != (mux == "yes") {
				t.Errorf("%+v, RTP %+v, mux %v", c, got.stats.Bad, got.mux)
			}
		})
	}
}

func recvWithin[T any](t *testing.T, ch <-chan T, limit time.Duration) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(limit):
		t.Fatal("nothing happened")
	}
	return v
}

// output collects what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// dialWithBaresip has a softphone call, with a tone as its voice, until the test ends.
func dialWithBaresip(t *testing.T, target string, settings ...string) *output {
	t.Helper()
	path, err := exec.LookPath("baresip")
	if err != nil {
		t.Fatalf("this test needs baresip: apt-get install baresip-core (%v)", err)
	}
	modules := filepath.Join(filepath.Dir(filepath.Dir(path)), "lib", "baresip", "modules")
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	tone := write("tone.wav", toneWAV(60))
	write("accounts", []byte("<sip:+15557654321@127.0.0.1;transport=udp>;regint=0;audio_codecs=PCMU/8000/1\n"))
	write("contacts", nil)
	write("config", []byte(strings.Join(append([]string{
		"poll_method epoll", "sip_listen 127.0.0.1:0", "net_interface 127.0.0.1",
		"audio_source aufile," + tone, "audio_player aubridge,ear", "audio_alert aubridge,bell", "module_path " + modules,
		"module g711.so", "module aufile.so", "module aubridge.so", "module_tmp account.so", "module_app menu.so",
	}, settings...), "\n")+"\n"))
	out := &output{}
	cmd := exec.Command(path, "-f", dir, "-e", "/dial "+target)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return out
}

// toneWAV is 16-bit PCM at 8 kHz.
func toneWAV(seconds int) []byte {
	const rate = 8000
	n := 2 * rate * seconds
	var b bytes.Buffer
	le := func(v, size int) {
		for range size {
			b.WriteByte(byte(v))
			v >>= 8
		}
	}
	fmt.Fprint(&b, "RIFF")
	le(36+n, 4)
	fmt.Fprint(&b, "WAVEfmt ")
	le(16, 4)
	le(1, 2)
	le(1, 2)
	le(rate, 4)
	le(2*rate, 4)
	le(2, 2)
	le(16, 2)
	fmt.Fprint(&b, "data")
	le(n, 4)
	for i := range n / 2 {
		le(int(8000*math.Sin(2*math.Pi*440*float64(i)/rate)), 2)
	}
	return b.Bytes()
}
