package sipua

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestLearnedAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listed := netip.MustParseAddr("192.0.2.1")
		l, admit := newLearned(func(s Source) Admission {
			if s.Addr.Addr() == listed {
				return Admission{Allow, "carrier"}
			}
			return Admission{Verdict: Forbid}
		})
		other := netip.MustParseAddr("192.0.2.2")
		at := func(a netip.Addr) Admission {
			return admit(Source{Addr: netip.AddrPortFrom(a, 5060), Transport: "udp"})
		}
		if at(other).Verdict != Forbid {
			t.Error("a stranger is allowed")
		}
		l.note("registrar", other)
		l.note("registrar", listed)
		if at(other) != (Admission{Allow, "registrar"}) || at(listed) != (Admission{Allow, "carrier"}) {
			t.Errorf("%+v, %+v", at(other), at(listed))
		}
		time.Sleep(learnedLife)
		if at(other).Verdict != Forbid {
			t.Error("learned for ever")
		}
		a := netip.MustParseAddr("10.0.0.0")
		for range 2 * maxLearned {
			time.Sleep(time.Millisecond)
			l.note("registrar", a)
			a = a.Next()
		}
		if len(l.peer) != maxLearned || at(a.Prev()).Verdict != Allow {
			t.Errorf("%d addresses kept", len(l.peer))
		}
	})
}

// Two accounts with one provider: each call belongs to the one whose Contact it names,
// whatever the address is listed for, and so does what follows in its dialog.
func TestCallsForSeveralRegistrations(t *testing.T) {
	far := newFarEnd(t, func(req *sip.Request) *sip.Response { return confirm(req, time.Hour) })
	for _, admit := range []func(Source) Admission{strict, func(Source) Admission { return Admission{Allow, "listed"} }} {
		peers, causes := make(chan string, 1), make(chan error, 1)
		u := start(t, Config{Admit: admit, Invite: func(ctx context.Context, d *Dialog) {
			peers <- d.Request().Peer
			answerAndWait(causes)(ctx, d)
		}})
		for _, name := range []string{"first", "second", "third"} {
			r, err := u.Register(RegistrationConfig{Peer: name, Contact: "line-" + name, Registrar: far.uri("udp"), Credentials: alice})
			if err != nil {
				t.Fatal(err)
			}
			awaitStatus(t, r, RegistrationRegistered)
		}
		for _, name := range []string{"second", "first", "third"} {
			p := dial(t, "udp", u.listening("udp"))
			to := func(raw string) string {
				return strings.Replace(raw, testURI, "sip:line-"+name+"@trunkline.test", 1)
			}
			p.toTag = p.want(200, "1 INVITE", to(p.invite(1))).toTag()
			p.send(p.request("ACK", 1, "", ""))
			if got := recv(t, peers); got != name {
				t.Errorf("a call for %s belongs to %s", name, got)
			}
			p.want(200, "2 BYE", p.request("BYE", 2, "", ""))
			recv(t, causes)
		}
	}
}
