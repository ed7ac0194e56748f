package trunkline_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
	"github.com/trunkline/trunkline/transcode"
)

// A softphone that insists on SRTP is understood and understands, and whoever reads along on the wire does not.
func testEncrypted(t *testing.T) {
	const law = transcode.PCMU
	m := startModel(t, simulator.Options{Script: greeting("a08", answers("rms-c03", "a03"))})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	p := startBaresip(t, law, ";mediaenc=srtp-mand")
	question := callerClip(t, "rms-c03")
	c := &phoneCall{tap: newTap(t, s.sip["udp"]), t: t, law: law}
	rec := p.ask(m, c, question, c.sentAll)

	checkHeard(t, &rec, question.Text)
	checkRecording(t, law, p.dir, rec.Spoken)
	plain := map[string]bool{}
	for _, item := range rec.Spoken {
		for _, frame := range frames(law, item.Audio) {
			if voiced(law, frame) {
				plain[string(frame)] = true
			}
		}
	}
	for _, packet := range c.toCaller() {
		if len(packet.payload) <= transcode.FrameBytes || plain[string(packet.payload[:transcode.FrameBytes])] {
			t.Fatalf("a packet of %d bytes can be read on the wire", len(packet.payload))
		}
	}
	checkRecord(t, storedCall(t, redis.Addr, c.callID()), row{"codec": law.String(), "by": "caller", "srtp": "AES_CM_128_HMAC_SHA1_80"})
	if n := s.metric(t, "trunkline_calls_encrypted_total"); n != 1 {
		t.Errorf("%v encrypted calls are counted", n)
	}
	s.idle(t)
}

// sentAll waits until the model has spoken n items and as much audio has been sent since.
func (c *phoneCall) sentAll(n int) {
	c.t.Helper()
	from, want := 0, 0
	eventually(c.t, "everything the agent said is sent", func() bool {
		rec := c.session.Record()
		for _, r := range rec.Responses {
			if r.Status == "in_progress" {
				return false
			}
		}
		if len(rec.Spoken) < n {
			return false
		}
		if want == 0 {
			from, want = len(c.toCaller()), len(rec.Spoken[n-1].Audio)/transcode.FrameBytes+25
		}
		return len(c.toCaller()) >= from+want
	})
}

// A caller whom nobody's address vouches for is asked for a password; one that is wrong costs us no session.
func testPassword(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a02")})
	redis := redisproc.Start(t)
	s := serveConfig(t, "password.yaml", map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	quiet := lawFile(t, transcode.PCMU, simulator.Clip{Name: "silence", Samples: make([]int16, 50*transcode.FrameBytes)})
	for _, transport := range []string{"udp", "tcp"} {
		to := s.sip[transport].String()
		uri := dialledNumber + "@" + to
		succeed(t, filled(t, "testdata/sipp/password/wrong.xml", quiet), transport, to, "-au", "pbx", "-ap", "not it", "-auth_uri", uri)
		succeed(t, filled(t, "testdata/sipp/password/right.xml", quiet), transport, to, "-au", "pbx", "-ap", "a long password", "-auth_uri", uri)
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{`{outcome="failed"} 2`, `{outcome="challenged"} 6`} {
		if !strings.Contains(metrics, "trunkline_sip_authentication_total"+want) {
			t.Errorf("not counted: %s", want)
		}
	}
	if n := s.metric(t, "trunkline_calls_total"); n != 2 {
		t.Errorf("%v calls, want those with the password", n)
	}
	if strings.Contains(s.log.String(), "a long password") {
		t.Error("the password is in the log")
	}
	s.idle(t)
}

// A softphone presses a key, puts us on hold and comes back, and the record has all three. A baresip that hangs while it does
// as it is told is exchanged for another: once in about a hundred times its audio stopped at the word hold, and nothing came.
func testSoftphoneManners(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a08")})
	redis := redisproc.Start(t)
	s := serve(t, map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	for session := range 3 {
		c := &phoneCall{tap: newTap(t, s.sip["udp"]), t: t, law: transcode.PCMA}
		if p := startBaresip(t, c.law, ""); keyAndHold(c, m, session, p, redis.Addr) {
			p.hangUp(t)
			ended(t, c.session)
			s.idle(t)
			return
		}
		t.Log("baresip hangs")
	}
	t.Fatal("no baresip does as it is told")
}

// keyAndHold reports whether the phone has done its part.
func keyAndHold(c *phoneCall, m *model, session int, p *softphone, redis string) bool {
	t := c.t
	t.Helper()
	known := mustRedis(t, redis, "KEYS", "tl:{*}:meta").([]any)
	p.do(t, "dial", "sip:"+dialledNumber+"@"+c.addr())
	p.await(t, "CALL_ESTABLISHED")
	c.session = m.session(t, session)
	c.heardAll(1)
	id := ""
	for _, key := range mustRedis(t, redis, "KEYS", "tl:{*}:meta").([]any) {
		if !slices.Contains(known, key) { // the call goes on: its record is not closed
			id = strings.TrimSuffix(strings.TrimPrefix(key.(string), "tl:{"), "}:meta")
		}
	}
	for _, step := range []struct{ command, params, line string }{
		{"sndcode", "4", "dtmf caller 4"}, {"hold", "", "hold caller on"}, {"resume", "", "hold caller off"},
	} {
		if !p.obeys(t, step.command, step.params) {
			p.kill()
			return false
		}
		eventually(t, "the record has "+step.line, func() bool {
			return slices.ContainsFunc(allLines(t, redis, id), func(l row) bool { return lineText(l) == step.line })
		}, p.out.tail)
	}
	return true
}

// A stranger and a peer that lost its mind send all they can. The trunk's calls go through meanwhile, each of them.
func testFlood(t *testing.T) {
	m := startModel(t, simulator.Options{Script: greeting("a02")})
	redis := redisproc.Start(t)
	s := serveConfig(t, "flood.yaml", map[string]string{"E2E_MODEL": m.url, "E2E_REDIS": redis.URL()})
	stop := flood(t, s.sip["udp"], map[string]string{"127.0.0.2": "INVITE", "127.0.0.3": "OPTIONS"})
	defer stop()
	quiet := lawFile(t, transcode.PCMU, simulator.Clip{Name: "silence", Samples: make([]int16, 50*transcode.FrameBytes)})
	eventually(t, "the floods are felt", func() bool {
		_, metrics := s.get(t, "/metrics")
		return counts(metrics, `trunkline_sip_refused_total{reason="flood"} `) && counts(metrics, `trunkline_sip_refused_total{reason="stranger"} `)
	})
	for range 5 {
		for _, transport := range []string{"udp", "tcp"} {
			succeed(t, filled(t, "testdata/sipp/basic.xml", quiet), transport, s.sip[transport].String())
		}
	}
	stop()
	if n := s.metric(t, "trunkline_calls_total"); n != 10 {
		t.Errorf("%v calls, want the trunk's", n)
	}
	if n := len(m.Sessions()); n != 10 {
		t.Errorf("%d sessions with the model, want those of the trunk's calls", n)
	}
	s.idle(t)
}

// flood sends requests from each address, 4,000 a second at most: this machine has other work.
func flood(t *testing.T, to netip.AddrPort, methods map[string]string) (stop func()) {
	t.Helper()
	quit := make(chan struct{})
	var crew sync.WaitGroup
	for from, method := range methods {
		c := udpFrom(t, from)
		crew.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ; {
				select {
				case <-quit:
					return
				case <-pace.C:
				}
				for range 20 {
					n++
					if err := writeSIP(c, to, method, n); err != nil {
						t.Errorf("flood from %v: %v", c.LocalAddr(), err)
						return
					}
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(quit); crew.Wait() })
}

// counts reports whether a counter is there and not 0.
func counts(metrics, name string) bool {
	_, value, there := strings.Cut(metrics, name)
	return there && !strings.HasPrefix(value, "0\n")
}
