package trunkline_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// softphone is a baresip, driven over its control port.
type softphone struct {
	*process
	control net.Conn
	dir     string
	crew    sync.WaitGroup

	mu      sync.Mutex
	events  []string // types, in order
	answers int      // to commands
}

// startBaresip runs a phone that records what it hears and speaks silence until told otherwise. account ends the line of its
// account.
func startBaresip(t *testing.T, law transcode.Law, account string) *softphone {
	t.Helper()
	path := peer(t, "baresip", "baresip-core")
	p := &softphone{dir: t.TempDir()}
	writeWAV(t, p.file("silence.wav"), make([]int16, 60*transcode.SampleRate))
	p.write(t, "accounts", fmt.Sprintf("<sip:+15557654321@127.0.0.1;transport=udp>;regint=0;audio_codecs=%v/8000/1%s\n", law, account))
	p.write(t, "contacts", "")
	for range 10 {
		port := freePort(t)
		p.write(t, "config", strings.Join([]string{
			"poll_method epoll", "sip_listen 127.0.0.1:0", "net_interface 127.0.0.1",
			"audio_source aufile," + p.file("silence.wav"), "audio_player aubridge,ear", "audio_alert aubridge,bell",
			"module_path " + baresipModules(t, path), "module g711.so", "module aufile.so", "module aubridge.so",
			"module srtp.so", "module sndfile.so", "snd_path " + p.dir, "module_tmp account.so",
			"module_app menu.so", "module_app ctrl_tcp.so", "ctrl_tcp_listen 127.0.0.1:" + port, "",
		}, "\n"))
		if p.launch(t, path, port) {
			return p
		}
	}
	t.Fatalf("baresip does not start:\n%s", p.out.tail())
	return nil
}

// baresipModules is where Debian has them, which depends on nothing but the prefix.
func baresipModules(t *testing.T, binary string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(filepath.Dir(binary)), "lib", "baresip", "modules")
	if _, err := os.Stat(filepath.Join(dir, "aufile.so")); err != nil {
		t.Fatalf("this test needs baresip with its modules: apt-get install baresip-core (%v)", err)
	}
	return dir
}

// launch reports whether the control port, which may have been taken meanwhile, answers.
func (p *softphone) launch(t *testing.T, path, port string) bool {
	t.Helper()
	p.process = start(t, exec.Command(path, "-f", p.dir))
	eventually(t, "baresip is ready", func() bool { return strings.Contains(p.out.String(), "baresip is ready") || !p.running() })
	if !p.running() || strings.Contains(p.out.String(), "ctrl_tcp: failed") {
		p.kill()
		return false
	}
	var err error
	if p.control, err = net.Dial("tcp", "127.0.0.1:"+port); err != nil {
		t.Fatal(err)
	}
	p.crew.Go(p.listen)
	t.Cleanup(func() {
		p.kill()
		_ = p.control.Close()
		p.crew.Wait()
	})
	return true
}

func (p *softphone) file(name string) string { return filepath.Join(p.dir, name) }

func (p *softphone) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(p.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// listen notes the events of the phone: JSON in netstrings, "LENGTH:TEXT,".
func (p *softphone) listen() {
	r := bufio.NewReader(p.control)
	for {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil {
			return
		}
		text := make([]byte, n+1)
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		var event struct {
			Type     string
			Response bool
		}
		if json.Unmarshal(text[:n], &event) != nil {
			continue
		}
		p.mu.Lock()
		switch {
		case event.Response:
			p.answers++
		case event.Type != "":
			p.events = append(p.events, event.Type)
		}
		p.mu.Unlock()
	}
}

func (p *softphone) do(t *testing.T, command, params string) {
	t.Helper()
	text, err := json.Marshal(map[string]string{"command": command, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.control, "%d:%s,", len(text), text); err != nil {
		t.Fatal(err)
	}
}

// obeys gives a command and reports whether the phone has carried it out. One that hangs while it does is not our affair.
func (p *softphone) obeys(t *testing.T, command, params string) bool {
	t.Helper()
	answered := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.answers
	}
	before := answered()
	p.do(t, command, params)
	for end := time.Now().Add(patience); answered() == before; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) || !p.running() {
			return false
		}
	}
	return true
}

func (p *softphone) await(t *testing.T, event string) {
	t.Helper()
	eventually(t, "baresip reports "+event, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, e := range p.events {
			if e == event {
				return true
			}
		}
		return false
	})
}

func writeWAV(t *testing.T, name string, samples []int16) {
	t.Helper()
	var b bytes.Buffer
	if err := transcode.WriteWAV(&b, samples, transcode.SampleRate); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask holds a whole call: the greeting, the question, the answer. spoken waits until n items of the agent have been sent.
func (p *softphone) ask(m *model, c *phoneCall, question simulator.Clip, spoken func(n int)) simulator.Record {
	t := c.t
	t.Helper()
	writeWAV(t, p.file("question.wav"), append(question.Samples[:len(question.Samples):len(question.Samples)], make([]int16, 20*transcode.SampleRate)...))
	p.do(t, "dial", "sip:"+dialledNumber+"@"+c.addr())
	p.await(t, "CALL_ESTABLISHED")
	c.session = m.session(t, 0)
	spoken(1)
	p.do(t, "ausrc", "aufile,"+p.file("question.wav"))
	spoken(2)
	last := len(c.toCaller())
	eventually(t, "the phone has played the last words", func() bool { return len(c.toCaller()) > last+25 })
	p.hangUp(t)
	return ended(t, c.session)
}

// hangUp ends the call and the phone.
func (p *softphone) hangUp(t *testing.T) {
	t.Helper()
	p.do(t, "hangup", "")
	p.await(t, "CALL_CLOSED")
	p.do(t, "quit", "")
	if err := p.wait(); err != nil {
		t.Errorf("baresip: %v\n%s", err, p.out.tail())
	}
}

// A softphone calls, hears the greeting, asks, hears the answer and hangs up. What it recorded is what the model spoke.
func testBaresip(t *testing.T) {
	for _, law := range []transcode.Law{transcode.PCMU, transcode.PCMA} {
		t.Run(law.String(), func(t *testing.T) {
			t.Parallel()
			m := startModel(t, simulator.Options{Script: greeting("a08", answers("rms-c03", "a03"))})
			redis := redisproc.Start(t)
			s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
			p := startBaresip(t, law, "")
			question := callerClip(t, "rms-c03")
			c := &phoneCall{tap: newTap(t, s.sip["udp"]), t: t, law: law}
			rec := p.ask(m, c, question, c.heardAll)

			checkStream(t, law, c.toCaller())
			compareUplink(t, law, c.toService(), rec.Input)
			compareDownlink(t, law, &rec, c.toCaller())
			checkHeard(t, &rec, question.Text)
			checkRecording(t, law, p.dir, rec.Spoken)

			call := storedCall(t, redis.Addr, c.callID())
			checkRecord(t, call, row{"codec": law.String(), "by": "caller", "turns": "3"})
			checkLines(t, storedLines(t, redis.Addr, call["id"]),
				"call system",
				"turn agent "+agentText(t, "a08"),
				"turn caller "+question.Text,
				"turn agent "+agentText(t, "a03"),
				"end system hung up caller")
			s.idle(t)
		})
	}
}

// checkRecording looks for what was spoken in what the phone recorded, in pieces of 100 ms, in order, each byte for byte
// once the recording is coded in the law again (baresip decodes the zero of µ-law to 2, every other byte as we do). The
// phone may drop or repeat a piece when the machine stands still, so a few may be missing.
func checkRecording(t *testing.T, law transcode.Law, dir string, spoken []simulator.SpokenItem) {
	t.Helper()
	recording := readRecording(t, law, dir)
	const piece = 5 * transcode.FrameBytes
	found, all := 0, 0
	for _, item := range spoken {
		for audio := oneZero(law, item.Audio); len(audio) >= piece; audio = audio[piece:] {
			if !voiced(law, audio[:piece]) {
				continue
			}
			all++
			if at := bytes.Index(recording, audio[:piece]); at >= 0 {
				found++
				recording = recording[at+piece:]
			}
		}
	}
	t.Logf("recording: %d of %d pieces byte for byte", found, all)
	if all == 0 || found*100 < all*90 {
		t.Errorf("%d of %d pieces of the agent's speech are in the phone's recording", found, all)
	}
}

// readRecording reads what baresip dumped behind its decoder, as law bytes.
func readRecording(t *testing.T, law transcode.Law, dir string) []byte {
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
	if err != nil || wav.Rate != transcode.SampleRate {
		t.Fatalf("recording of %d Hz, %v", wav.Rate, err)
	}
	audio := make([]byte, len(wav.Samples))
	law.EncodeTo(audio, wav.Samples)
	return oneZero(law, audio)
}

// oneZero writes the negative zero of µ-law as the positive one: a recording cannot tell them apart.
func oneZero(law transcode.Law, audio []byte) []byte {
	if law != transcode.PCMU {
		return audio
	}
	return bytes.ReplaceAll(audio, []byte{0x7F}, []byte{law.Silence()})
}
