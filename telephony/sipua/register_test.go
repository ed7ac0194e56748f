package sipua

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

var alice = Credentials{"alice", "secret"}

// A registrar that asks once, and wants each nonce count once.
func TestRegisterWithPassword(t *testing.T) {
	for _, transport := range transports {
		nonces := newNonces()
		far := newFarEnd(t, func(req *sip.Request) *sip.Response {
			src := sourceOf(req).Addr()
			values := headerValues(req, "authorization", "")
			if len(values) == 0 {
				return newResponse(req, 401, "Unauthorized", Header{"WWW-Authenticate", `Digest realm="r", qop="auth", algorithm=SHA-256, nonce="` + nonces.issue("", src) + `"`})
			}
			p := verify(t, req, "Authorization", "secret")
			id, ok := nonces.genuine(p["nonce"], "", src)
			if count, err := strconv.ParseUint(p["nc"], 16, 32); !ok || err != nil || !nonces.use(id, uint32(count)) {
				t.Errorf("nonce count %s", p["nc"])
			}
			return confirm(req, time.Second)
		})
		u := start(t, Config{Admit: strict})
		r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri(transport), Credentials: alice})
		s := awaitStatus(t, r, RegistrationRegistered)
		if left := time.Until(s.Expires); left > time.Second || s.Err != nil || s.Peer != "carrier" {
			t.Errorf("state %+v", s)
		}
		eventually(t, "a refresh", func() bool { return len(far.seen()) >= 3 })
		u.Unregister()
		if r.State().Status != RegistrationRemoved || !r.State().Expires.IsZero() {
			t.Errorf("state %+v", r.State())
		}
		checkRegisters(t, far.seen(), transport)
	}
}

// checkRegisters looks at what all REGISTERs of a registration must have in common, and
// that the last one removes the binding.
func checkRegisters(t *testing.T, all []*sip.Request, transport string) {
	t.Helper()
	for i, req := range all {
		if req.Method != sip.REGISTER || req.Recipient.String() != "sip:127.0.0.1" {
			t.Errorf("%s to %s", req.Method, req.Recipient.String())
		}
		if req.CallID().Value() != all[0].CallID().Value() || req.CSeq().SeqNo != uint32(i+1) || fromTag(req) != fromTag(all[0]) || toTag(req) != "" {
			t.Errorf("request %d: %v %v", i, req.CallID(), req.CSeq())
		}
		if req.From().Address.String() != "sip:alice@127.0.0.1" || req.To().Address.String() != "sip:alice@127.0.0.1" {
			t.Errorf("from %v to %v", req.From(), req.To())
		}
		if c := headerValues(req, "contact", ""); len(c) != 1 || strings.Contains(c[0], "transport=tcp") != (transport == "tcp") || strings.Contains(c[0], "alice") {
			t.Errorf("contact %q", c)
		}
		if want := map[bool]string{true: "0", false: "3600"}[i == len(all)-1]; expiresOf(req) != want {
			t.Errorf("request %d of %d asks for %s s, want %s", i, len(all), expiresOf(req), want)
		}
	}
}

func TestRegisterWithWrongPassword(t *testing.T) {
	far := newFarEnd(t, func(req *sip.Request) *sip.Response {
		return newResponse(req, 401, "Unauthorized", Header{"WWW-Authenticate", `Digest realm="r", qop="auth", nonce="x"`})
	})
	u := start(t, Config{Admit: strict})
	r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri("udp"), Credentials: alice})
	if s := awaitStatus(t, r, RegistrationFailed); !errors.Is(s.Err, ErrCredentials) || len(far.seen()) != 2 {
		t.Errorf("%v after %d requests", s.Err, len(far.seen()))
	}
}

// The first target refuses connections, the second says 503, the third is it; and the
// next REGISTER goes straight there.
func TestRegisterFailsOver(t *testing.T) {
	busy := newFarEnd(t, func(req *sip.Request) *sip.Response { return newResponse(req, 503, "Busy") })
	good := newFarEnd(t, func(req *sip.Request) *sip.Response { return confirm(req, time.Second) })
	u := start(t, Config{Admit: strict, Resolver: &zone{
		srv: map[string][]*net.SRV{"_sip._tcp.example.com": {{Target: "x.test.", Port: refusingPort(t), Priority: 1},
			{Target: "x.test.", Port: busy.addr.Port(), Priority: 2}, {Target: "x.test.", Port: good.addr.Port(), Priority: 3}}},
		hosts: map[string][]string{"x.test": {"127.0.0.1"}},
	}})
	r := u.mustRegister(t, RegistrationConfig{Registrar: "sip:example.com;transport=tcp", Credentials: alice})
	awaitStatus(t, r, RegistrationRegistered)
	eventually(t, "a refresh", func() bool { return len(good.seen()) > 1 })
	if len(busy.seen()) != 1 {
		t.Errorf("the busy target was asked %d times", len(busy.seen()))
	}
	if req := good.seen()[0]; req.Recipient.String() != "sip:example.com" {
		t.Errorf("REGISTER %s", req.Recipient.String())
	}
}

// A target that says nothing is given up for the next one.
func TestRegisterFailsOverWhenNobodyAnswers(t *testing.T) {
	mute := newFarEnd(t, func(*sip.Request) *sip.Response { return nil })
	good := newFarEnd(t, func(req *sip.Request) *sip.Response { return confirm(req, time.Hour) })
	u := start(t, Config{Admit: strict, Resolver: &zone{
		srv: map[string][]*net.SRV{"_sip._udp.example.com": {{Target: "x.test.", Port: mute.addr.Port(), Priority: 1},
			{Target: "x.test.", Port: good.addr.Port(), Priority: 2}}},
		hosts: map[string][]string{"x.test": {"127.0.0.1"}},
	}}, func(t *timing) { t.hopWait = 300 * time.Millisecond })
	r := u.mustRegister(t, RegistrationConfig{Registrar: "sip:example.com", Credentials: alice})
	awaitStatus(t, r, RegistrationRegistered)
	if len(mute.seen()) < 2 {
		t.Errorf("the mute target was asked %d times: lost packets must be repeated", len(mute.seen()))
	}
}

// Lost requests and lost answers cost time only: the same request is repeated.
func TestRegisterWithLosses(t *testing.T) {
	var copies atomic.Int32
	far := newFarEnd(t, func(req *sip.Request) *sip.Response {
		if copies.Add(1) < 3 {
			return nil
		}
		return confirm(req, time.Hour)
	})
	u := start(t, Config{Admit: strict})
	awaitStatus(t, u.mustRegister(t, RegistrationConfig{Registrar: far.uri("udp"), Credentials: alice}), RegistrationRegistered)
	if all := far.seen(); branchOf(all[0]) != branchOf(all[2]) || all[2].CSeq().SeqNo != 1 {
		t.Errorf("%v, %v", all[0], all[2])
	}
}

// The registrar sees us behind a NAT: the Contact becomes what it sees, and the one from
// before is removed.
func TestRegisterBehindNAT(t *testing.T) {
	far := newFarEnd(t, func(req *sip.Request) *sip.Response {
		res := confirm(req, time.Hour)
		res.Via().Params.Remove("rport")
		res.Via().Params.Add("received", "203.0.113.5")
		res.Via().Params.Add("rport", "40123")
		return res
	})
	u := start(t, Config{Admit: strict})
	r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri("udp"), Credentials: alice, Contact: "me"})
	awaitStatus(t, r, RegistrationRegistered)
	all := far.seen()
	if len(all) != 2 {
		t.Fatalf("%d REGISTERs", len(all))
	}
	first, second := headerValues(all[0], "contact", ""), headerValues(all[1], "contact", "")
	old, _, _ := strings.Cut(first[0], ";")
	if len(second) != 2 || second[0] != "<sip:me@203.0.113.5:40123>;expires=3600" || second[1] != old+";expires=0" {
		t.Errorf("first %q, then %q", first, second)
	}
}

// Calls arrive over the connection that we opened, from an address that is not listed,
// if they name our Contact.
func TestCallsForARegistration(t *testing.T) {
	for _, transport := range transports {
		far := newFarEnd(t, func(req *sip.Request) *sip.Response {
			if req.Method == sip.REGISTER {
				return confirm(req, time.Hour)
			}
			return nil
		})
		peers := make(chan string, 1)
		u := start(t, Config{Admit: strict, Invite: func(_ context.Context, d *Dialog) {
			peers <- d.Request().Peer
			_ = d.Reject(486, "Busy Here")
		}})
		r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri(transport), Credentials: alice})
		awaitStatus(t, r, RegistrationRegistered)
		contact, _, _ := strings.Cut(strings.TrimPrefix(headerValues(far.seen()[0], "contact", "")[0], "<"), ">")
		call := func(uri string) string {
			p := &peer{t: t, conn: dial(t, "udp", far.addr).conn, transport: transport, callID: newCallID(), contact: "sip:x@127.0.0.1"}
			raw := strings.Replace(p.request("INVITE", 1, "", testOffer), testURI, uri, 1)
			if transport == "tcp" {
				_, _ = far.conn(t).Write([]byte(raw))
			} else {
				p.conn = dial(t, "udp", u.listening("udp")).conn
				p.send(strings.Replace(p.request("INVITE", 1, "", testOffer), testURI, uri, 1))
				return p.final("1 INVITE").start
			}
			for {
				if text := recv(t, far.other); strings.HasPrefix(text, "SIP/2.0") && !strings.HasPrefix(text, "SIP/2.0 100") {
					start, _, _ := strings.Cut(text, "\r\n")
					return start
				}
			}
		}
		if got := call("sip:alice@trunkline.test"); !strings.HasPrefix(got, "SIP/2.0 403") {
			t.Errorf("%s: a call for another user: %q", transport, got)
		}
		if got := call(contact); !strings.HasPrefix(got, "SIP/2.0 486") {
			t.Errorf("%s: a call for our Contact: %q", transport, got)
		}
		if got := recv(t, peers); got != "carrier" || u.Stats().Uninvited != 1 {
			t.Errorf("peer %q, %+v", got, u.Stats())
		}
	}
}

func TestRegisterConfigErrors(t *testing.T) {
	u := start(t, Config{})
	for want, cfg := range map[string]RegistrationConfig{
		"registrar: \"example.com\"": {Registrar: "example.com", Credentials: alice},
		"registrar: \"tel:+1\"":      {Registrar: "tel:+1", Credentials: alice},
		"proxy: \"x\"":               {Registrar: "sip:example.com", Proxy: "x", Credentials: alice},
		"address \"alice\"":          {Registrar: "sip:example.com", Address: "alice"},
		"neither an address":         {Registrar: "sip:example.com"},
		"contact \"a b\"":            {Registrar: "sip:example.com", Credentials: alice, Contact: "a b"},
	} {
		if _, err := u.Register(cfg); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	_ = u.Close()
	if _, err := u.Register(RegistrationConfig{Registrar: "sip:example.com", Credentials: alice}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A registration that waits for a mute registrar does not hold Close up.
func TestCloseDuringRegister(t *testing.T) {
	far := newFarEnd(t, func(*sip.Request) *sip.Response { return nil })
	u := start(t, Config{Admit: strict}, func(t *timing) { t.closeGrace = 100 * time.Millisecond })
	r := u.mustRegister(t, RegistrationConfig{Registrar: far.uri("tcp"), Credentials: alice})
	eventually(t, "a REGISTER", func() bool { return len(far.seen()) > 0 })
	_ = u.Close()
	if s := r.State(); s.Status != RegistrationRemoved {
		t.Errorf("state %+v", s)
	}
	eventually(t, "the attempt to remove the binding", func() bool {
		all := far.seen()
		return expiresOf(all[len(all)-1]) == "0"
	})
}
