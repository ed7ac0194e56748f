package phone

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony"
	"github.com/trunkline/trunkline/transcode"
)

// chirp is a sound of n samples of which no two pieces are alike, as A-law decodes it.
func chirp(from float64, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		t := float64(i) / transcode.SampleRate
		out[i] = transcode.PCMA.Decode(transcode.PCMA.Encode(int16(9000 * math.Sin(2*math.Pi*(from*t+40*t*t)))))
	}
	return out
}

// robot is a running baresip.
type robot struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  safeBuffer
	dir  string // where it records
	port int    // of SIP
	stop func() // ends it, and with it the recording
}

// startBaresip runs a phone that says a sound in its calls and records what it hears. A
// uri is called at once; without one it answers what comes.
func startBaresip(t *testing.T, encryption, uri string, say []int16) *robot {
	t.Helper()
	for range 10 {
		r := &robot{t: t, dir: t.TempDir()}
		if uri == "" { // somebody may be faster to take it
			r.port = freeUDPPort(t)
		}
		r.configure(encryption, say)
		if r.run(uri) {
			t.Cleanup(r.stop)
			return r
		}
	}
	t.Fatal("baresip does not start")
	panic("unreachable")
}

func (r *robot) configure(encryption string, say []int16) {
	path, err := exec.LookPath("baresip")
	if err != nil {
		r.t.Fatal("this test needs baresip: apt-get install baresip-core")
	}
	var wav bytes.Buffer
	if err := transcode.WriteWAV(&wav, say, transcode.SampleRate); err != nil {
		r.t.Fatal(err)
	}
	r.write("say.wav", wav.String())
	r.write("contacts", "")
	r.write("accounts", "<sip:robot@127.0.0.1;transport=udp>;regint=0;answermode=auto;audio_codecs=PCMA/8000/1"+encryption+"\n")
	r.write("config", strings.Join([]string{
		"poll_method epoll", fmt.Sprintf("sip_listen 127.0.0.1:%d", r.port), "net_interface 127.0.0.1",
		"audio_source aufile," + filepath.Join(r.dir, "say.wav"), "audio_player aubridge,ear", "audio_alert aubridge,bell",
		"module_path " + filepath.Join(filepath.Dir(filepath.Dir(path)), "lib", "baresip", "modules"), "module g711.so", "module aufile.so",
		"module aubridge.so", "module srtp.so", "module sndfile.so", "snd_path " + r.dir, "module_tmp account.so", "module_app menu.so", "",
	}, "\n"))
}

func (r *robot) write(name, text string) {
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// run reports whether baresip has started.
func (r *robot) run(uri string) bool {
	r.cmd = exec.Command("baresip", "-f", r.dir)
	if uri != "" {
		r.cmd.Args = append(r.cmd.Args, "-e", "/dial "+uri)
	}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- r.cmd.Wait() }()
	r.stop = sync.OnceFunc(func() {
		_ = r.cmd.Process.Signal(os.Interrupt)
		limit := time.AfterFunc(20*time.Second, func() { _ = r.cmd.Process.Kill() })
		defer limit.Stop()
		if err := <-gone; err != nil || r.t.Failed() {
			r.t.Logf("baresip: %v\n%s", err, r.out.String())
		}
	})
	for limit := time.After(10 * time.Second); ; {
		if strings.Contains(r.out.String(), "baresip is ready") {
			return true
		}
		select {
		case err := <-gone:
			gone <- err
			r.stop()
			return false
		case <-limit:
			r.stop()
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func freeUDPPort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// safeBuffer is written by a process and read by the test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// pieces counts the tenths of a second of say that are in heard, in order, byte for byte.
func pieces(heard, say []byte) (found, all int) {
	const piece = 5 * transcode.FrameBytes
	for ; len(say) >= piece; say = say[piece:] {
		all++
		if at := bytes.Index(heard, say[:piece]); at >= 0 {
			found++
			heard = heard[at+piece:]
		}
	}
	return found, all
}

func lawOf(samples []int16) []byte {
	b := make([]byte, len(samples))
	transcode.PCMA.EncodeTo(b, samples)
	return b
}

// mostly fails the test unless nine of ten pieces were heard: either process may stand
// still, and then a piece is torn.
func mostly(t *testing.T, who string, heard []byte, said []int16) {
	t.Helper()
	if found, all := pieces(heard, lawOf(said)); all == 0 || found*100 < all*90 {
		t.Errorf("%s heard %d of %d pieces", who, found, all)
	}
}

// A phone that shares no code with ours calls the service, with its keys under either
// profile or without any: both ends hear each other byte for byte.
func TestBaresipCalls(t *testing.T) {
	for name, tc := range map[string]struct{ encryption, suite string }{
		"RTP/SAVP": {";mediaenc=srtp-mand", suites[0]},
		"RTP/AVP":  {";mediaenc=srtp", suites[0]},
		"plain":    {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := chirp(300, 12000), chirp(600, 12000)
			ended := make(chan *telephony.Call, 1)
			var ear listener
			o := newOffice(t, "udp", func(ctx context.Context, c *telephony.Call) {
				defer func() { ended <- c }()
				c.Media().Attach(ear.hear)
				_ = c.Answer(ctx)
				c.Media().Play(1, lawOf(ours))
				c.Media().End(1)
				limit, over := time.After(20*time.Second), false
				for !over || c.Media().Queued() > 0 {
					found, all := pieces(ear.bytes(), lawOf(theirs))
					over = found == all
					select {
					case <-limit:
						return
					case <-ctx.Done():
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
				<-time.After(300 * time.Millisecond) // what was sent last is on its way to the recording
			})
			r := startBaresip(t, tc.encryption, o.uri(), append(theirs, make([]int16, 40*transcode.SampleRate)...))
			var c *telephony.Call
			select {
			case c = <-ended:
			case <-time.After(40 * time.Second):
				t.Fatal("no call")
			}
			for end := time.Now().Add(10 * time.Second); o.Stats().Active > 0 && time.Now().Before(end); {
				<-time.After(5 * time.Millisecond)
			}
			r.stop()
			st := c.Media().Stats()
			if c.Info().SRTP != tc.suite || st.SRTP != tc.suite || !understood(st.Bad.Auth+st.Bad.Replay, st.PacketsIn) {
				t.Errorf("%q in force: %+v", c.Info().SRTP, st)
			}
			mostly(t, "the service", ear.bytes(), theirs)
			mostly(t, "baresip", recordingOf(t, r.dir), ours)
		})
	}
}

// understood reports that what came was decrypted. A packet or two that was not may be a neighbour's, whose far end had our
// port before: calls run side by side here. Keys that do not fit would refuse them all.
func understood(bad, good uint64) bool { return good >= 50 && bad*20 < good }

// It is called with each suite that it has, under both profiles.
func TestBaresipIsCalled(t *testing.T) {
	for suite, o := range map[string]SRTP{
		suites[0]: {Opportunistic: true}, suites[1]: {}, suites[4]: {}, suites[5]: {},
	} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			theirs, ours := chirp(300, 12000), chirp(600, 12000)
			encryption := ";mediaenc=srtp-mand"
			if o.Opportunistic {
				encryption = ";mediaenc=srtp"
			}
			o.Suites = []string{suite}
			far := startBaresip(t, encryption, "", append(theirs, make([]int16, 40*transcode.SampleRate)...))
			r, err := place(t, newPhone(t, "udp"), CallOptions{To: fmt.Sprintf("sip:robot@127.0.0.1:%d", far.port), SRTP: o, Laws: []transcode.Law{transcode.PCMA},
				Script: []Step{Say{Clip: ours}, Pause{For: time.Second}, Hangup{}}})
			far.stop()
			if err != nil || r.Media.SRTP != suite || !understood(r.Media.Bad.Auth+r.Media.Bad.Replay, r.Media.PacketsIn) {
				t.Fatalf("%v, %+v", err, r.Media)
			}
			mostly(t, "the phone", r.ReceivedAudio, theirs)
			mostly(t, "baresip", recordingOf(t, far.dir), ours)
		})
	}
}

func (l *listener) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.audio)
}

// recordingOf reads what baresip dumped behind its decoder, as A-law.
func recordingOf(t *testing.T, dir string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "dump-*-dec.wav"))
	if err != nil || len(names) != 1 {
		t.Fatalf("recordings %q, %v", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wav, err := transcode.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	return lawOf(wav.Samples)
}
