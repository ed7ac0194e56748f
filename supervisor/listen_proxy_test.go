package supervisor

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestWhence(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer     string
		fors, protos   []string
		client, remote string
		secure         bool
	}{
		{"no proxy", "203.0.113.7:5000", nil, nil, "203.0.113.7", "203.0.113.7:5000", false},
		{"a liar", "203.0.113.7:5000", []string{"127.0.0.1"}, []string{"https"}, "203.0.113.7", "203.0.113.7:5000", false},
		{"a proxy", "10.0.0.1:80", []string{"203.0.113.7"}, []string{"https"}, "203.0.113.7", "203.0.113.7:0", true},
		{"a proxy by IPv6", "[::ffff:10.0.0.1]:80", []string{"2001:db8::1"}, []string{"HTTPS"}, "2001:db8::1", "[2001:db8::1]:0", true},
		{"plain outside", "10.0.0.1:80", []string{"203.0.113.7"}, []string{"http"}, "203.0.113.7", "203.0.113.7:0", false},
		{"a proxy that says nothing", "10.0.0.1:80", nil, nil, "10.0.0.1", "10.0.0.1:0", false},
		{"two proxies", "127.0.0.1:80", []string{"203.0.113.7, 10.0.0.9"}, []string{"https"}, "203.0.113.7", "203.0.113.7:0", true},
		{"a client that lies", "10.0.0.1:80", []string{"127.0.0.1, 198.51.100.1", "203.0.113.7"}, []string{"https,http"}, "203.0.113.7", "203.0.113.7:0", false},
		{"nonsense behind", "10.0.0.1:80", []string{"127.0.0.1, nonsense"}, nil, "10.0.0.1", "10.0.0.1:0", false},
		{"all are proxies", "fd00::1", []string{"10.0.0.3,10.0.0.2"}, nil, "invalid IP", "fd00::1", false},
		{"all proxies", "[fd00::1]:80", []string{"10.0.0.3,10.0.0.2"}, []string{"https"}, "10.0.0.3", "10.0.0.3:0", true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = c.fors, c.protos
		whence(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if o := originOf(r); o.addr.String() != c.client || o.secure != c.secure || r.RemoteAddr != c.remote {
				t.Errorf("%s: %v, secure %v, RemoteAddr %s", c.name, o.addr, o.secure, r.RemoteAddr)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}

// The whole way: behind a proxy on this machine people get the cookies of TLS, and are counted by their own address.
func TestBehindAProxy(t *testing.T) {
	d := newDoorStand(t, someTokens)
	l := d.listens(ListenOptions{Address: "127.0.0.1:0", Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, usualTimes)
	ask := func(proto, from string) *http.Response {
		r, _ := http.NewRequest("POST", "http://"+l.Addr().String()+"/sign-in", nil)
		withForm("token", annasToken)(r)
		r.RequestURI = ""
		r.Header.Set("X-Forwarded-Proto", proto)
		r.Header.Set("X-Forwarded-For", from)
		resp, err := httpClient(t, nil).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	cookieOf(t, ask("https", "203.0.113.7"), "__Host-trunkline")
	expectAnswer(t, ask("http", "203.0.113.7"), http.StatusForbidden, "X-Forwarded-Proto")
	if all := d.archive.actions(); len(all) != 1 || all[0] != "sign_in anna token 203.0.113.7" {
		t.Errorf("%q", all)
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.7, 10.0.0.1")
	f.Add("::1")
	f.Add(",,")
	f.Add("fe80::1%eth0")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, value string) {
		peer := netip.MustParseAddr("10.0.0.1")
		if got := clientBehind(peer, http.Header{"X-Forwarded-For": {value}}, proxies); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q gives %v", value, got)
		}
	})
}
