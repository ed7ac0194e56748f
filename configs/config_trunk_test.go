package configs

import (
	"slices"
	"testing"
	"time"
)

// TestTrunkDefaults: what is not written follows from what is.
func TestTrunkDefaults(t *testing.T) {
	c := parseWith(t, `
trunks:
  - name: line
    server: sip:sip.example.com;transport=tls
    credentials: { username: "4930123", password: hunter2hunter2 }
    register: {}
    media: { timeout: 0s }
  - name: pbx
    auth: { users: [ { name: me, password: hunter2hunter2 } ] }
    trust_identity: false
    numbers: { country: 39, national: none, international: 00, length: 8-11 }
    dials: ["+39*", "112"]
    server: sip:192.0.2.1
`)
	line, pbx := &c.Trunks[0], &c.Trunks[1]
	if got, want := *line.Register, (Register{"sip:sip.example.com;transport=tls", "4930123", "", Duration(time.Hour)}); got != want {
		t.Errorf("registration %+v", got)
	}
	if m := line.Media; m.SRTP != "optional" || m.FirstTimeout != nil || m.Timeout == nil || *m.Timeout != 0 || m.Laws != nil {
		t.Errorf("media %+v", m)
	}
	if !line.TrustIdentity || line.Auth != nil || pbx.TrustIdentity || pbx.Register != nil {
		t.Errorf("trunks %+v, %+v", line, pbx)
	}
	if pbx.Auth.Realm != "pbx" {
		t.Errorf("auth %+v", pbx.Auth)
	}
	if n := pbx.Numbers; n != (Numbers{"39", "00", None, Span{8, 11}, false}) {
		t.Errorf("numbers %+v", n)
	}
	if c.SIP.SessionTimers.Expires.Std() != 30*time.Minute || c.SIP.TLS != nil || c.Limits.MessagesPerSecond != 1000 {
		t.Errorf("sip %+v", c.SIP)
	}
	for target, want := range map[string]bool{"+39061": true, "112": true, "1123": false, "+49": false} {
		if pbx.MayDial(target) != want || line.MayDial(target) {
			t.Errorf("%s: %v", target, !want)
		}
	}
}

// TestTrunkWarnings: what is allowed and likely a mistake.
func TestTrunkWarnings(t *testing.T) {
	c := parseWith(t, `
sip: { listen: ["udp://:5060"], advertise: 192.0.2.9 }
trunks:
  - name: a
    sources: [192.0.2.1]
    caller_id: "112"
    media: { srtp: required }
  - { name: b, sources: [0.0.0.0/2], server: "sip:h;transport=tls", dials: ["+*"], media: { srtp: required } }
  - { name: c, sources: ["::/0"], auth: { users: [ { name: x, password: hunter2 } ] } }
`)
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Path)
	}
	want := []string{"trunks[a].caller_id", "trunks[a].media.srtp", "trunks[b].dials[0]", "trunks[c].auth.users[x].password"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPEMFiles: seen from the directory of the file, and to be opened from the working directory.
func TestPEMFiles(t *testing.T) {
	text := "sip: { listen: [\"tls://:5061\"], tls: { certificate: pem.pem, key: pem.pem } }\n" + readTestdata(t, "base.yaml")
	c, err := Parse("testdata/t.yaml", []byte(text), Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if tls := c.SIP.TLS; tls.Certificate != "testdata/pem.pem" || tls.Key != "testdata/pem.pem" || tls.ClientCA != "" {
		t.Errorf("tls %+v", tls)
	}
}
