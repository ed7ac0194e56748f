package sipua

import (
	"slices"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func TestAnswersToRegister(t *testing.T) {
	res, _ := ok200(Header{"Service-Route", "<sip:a;lr>, <sip:b,c;lr>"}, Header{"Service-Route", " <sip:d;lr>"},
		Header{"Retry-After", " 30;duration=9"}, Header{"Min-Expires", "x"})
	if got := serviceRoute(res); !slices.Equal(got, []string{"<sip:a;lr>", "<sip:b,c;lr>", "<sip:d;lr>"}) {
		t.Errorf("route %q", got)
	}
	if retryAfter(res) != 30*time.Second || headerSeconds(res, "min-expires") != -1 || headerSeconds(res, "expires") != -1 {
		t.Errorf("seconds %v, %v", retryAfter(res), headerSeconds(res, "min-expires"))
	}
}

func TestMovedIgnoresNonsense(t *testing.T) {
	for _, params := range []sip.HeaderParams{nil, {{K: "received", V: "203.0.113.5"}}, {{K: "rport", V: "0"}}, {{K: "rport", V: "99999"}},
		{{K: "received", V: "evil.example.com"}, {K: "rport", V: "5060"}}, {{K: "received", V: "0.0.0.0"}, {K: "rport", V: "5060"}},
		{{K: "received", V: "239.1.1.1"}, {K: "rport", V: "5060"}}} {
		res, _ := ok200()
		res.AppendHeader(&sip.ViaHeader{Params: params})
		r := &Registration{ua: &UA{}}
		if r.moved(res, flow{transport: "udp", host: "10.0.0.1"}) || r.seen.IsValid() {
			t.Errorf("%v was believed: %v", params, r.seen)
		}
	}
}

// Whatever a registrar answers, no binding is shorter than nothing or longer than a day.
func FuzzRegisterAnswer(f *testing.F) {
	f.Add("Contact: <sip:me@192.0.2.1:5060>;expires=60\r\nService-Route: <sip:a;lr>")
	f.Add("Contact: *\r\nExpires: 99999999999")
	f.Add("m: \"a,b\" <sip:me@[::1]>;expires=-1, sip:me@x;expires=5\r\nRetry-After: 5 (x")
	f.Fuzz(func(t *testing.T, headers string) {
		msg, err := newParser().ParseSIP([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;rport=1;received=::1\r\nCSeq: 1 REGISTER\r\n" + headers + "\r\nContent-Length: 0\r\n\r\n"))
		res, ok := msg.(*sip.Response)
		if err != nil || !ok {
			return
		}
		r := &Registration{ua: &UA{}, user: "me", contact: "sip:me@192.0.2.1:5060", expires: time.Hour}
		if d := r.bound(res); d < 0 || d > maxExpires {
			t.Errorf("bound for %v", d)
		}
		r.raise(res)
		r.moved(res, flow{transport: "udp", host: "10.0.0.1"})
		if n := len(serviceRoute(res)); n > maxRoutes || r.expires < time.Hour || retryAfter(res) < 0 {
			t.Errorf("%d routes, asks for %v", n, r.expires)
		}
	})
}
