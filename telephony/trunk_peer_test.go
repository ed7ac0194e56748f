package telephony

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// farEnd is a registrar and peer made of text: it answers each request with what the
// test says and remembers the requests.
type farEnd struct {
	conn net.PacketConn
	wg   sync.WaitGroup

	mu       sync.Mutex
	requests []string
}

func newFarEnd(t *testing.T, status func(request string) string) *farEnd {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &farEnd{conn: c}
	f.wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			text := string(buf[:n])
			if !strings.HasSuffix(strings.SplitN(text, "\r\n", 2)[0], " SIP/2.0") {
				continue // a keep-alive
			}
			f.mu.Lock()
			f.requests = append(f.requests, text)
			f.mu.Unlock()
			lines := []string{"SIP/2.0 " + status(text)}
			for _, l := range strings.Split(text, "\r\n") {
				if name, _, _ := strings.Cut(l, ":"); slices.Contains([]string{"Via", "From", "To", "Call-ID", "CSeq", "Contact"}, name) {
					lines = append(lines, l)
				}
			}
			_, _ = c.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\nContent-Length: 0\r\n\r\n"), from)
		}
	})
	t.Cleanup(func() { _ = c.Close(); f.wg.Wait() })
	return f
}

func (f *farEnd) uri() string { return "sip:" + f.conn.LocalAddr().String() }

// seen are the requests that begin with a method and hold a text.
func (f *farEnd) seen(method, text string) (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasPrefix(r, method+" ") && strings.Contains(r, text) {
			all = append(all, r)
		}
	}
	return all
}

func always(status string) func(string) string { return func(string) string { return status } }

// A trunk that is known by its registration alone: it registers, is watched, is refused
// a call that does not name the Contact, gets one that does, and is removed by Drain
// while that call goes on.
func TestRegisteredTrunk(t *testing.T) {
	far := newFarEnd(t, always("200 OK"))
	infos, ends := make(chan CallInfo, 1), make(chan *Ended, 1)
	s := start(t, Config{Trunks: []Trunk{{Name: "provider", Server: far.uri(), Credentials: Credentials{"alice", "secret"},
		Register: &Registration{Contact: "line-1"}, Qualify: time.Second}}},
		func(ctx context.Context, c *Call) {
			_ = c.Answer(ctx)
			infos <- c.Info()
			<-ctx.Done()
			ends <- c.Ended()
		})
	eventually(t, "registered and watched", func() bool {
		st := s.Stats().Trunks["provider"]
		return st.Registration != nil && st.Registration.Status == sipua.RegistrationRegistered && st.Qualify != nil && st.Qualify.Known
	})
	if !s.TrunkUp("provider") || s.TrunkUp("nobody") {
		t.Error("the provider is up, and nobody is not")
	}
	sipp(t, "refused_403", "udp", s, nil)
	if st := s.Stats(); st.SIP.Uninvited != 1 || st.Accepted != 0 {
		t.Errorf("stats %+v", st)
	}
	called := make(chan error, 1)
	go func() {
		_, err := runSipp(t, "registered_bye", "udp", s, map[string]string{"hold": "1500"})
		called <- err
	}()
	if info := recv(t, infos); info.Trunk != "provider" {
		t.Errorf("info %+v", info)
	}
	s.Drain()
	eventually(t, "the binding is removed", func() bool { return len(far.seen("REGISTER", "Expires: 0")) == 1 })
	if ended := recv(t, ends); ended.By != Caller {
		t.Errorf("Drain ended the call: %+v", ended)
	}
	if err := recv(t, called); err != nil {
		t.Errorf("the call did not end well: %v", err)
	}
	eventually(t, "the state says so", func() bool { return s.Stats().Trunks["provider"].Registration.Status == sipua.RegistrationRemoved })
}

// Ending the context of Serve removes bindings too.
func TestServeEndsWithoutABinding(t *testing.T) {
	far := newFarEnd(t, always("200 OK"))
	s, err := Listen(Config{SIP: SIP{Listen: []string{"udp://127.0.0.1:0"}},
		Trunks: []Trunk{{Name: "provider", Server: far.uri(), Register: &Registration{Address: "sip:alice@example.com"}}}},
		HandlerFunc(func(context.Context, *Call) {}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	eventually(t, "a binding", func() bool { return s.Stats().Trunks["provider"].Registration.Status == sipua.RegistrationRegistered })
	cancel()
	if err := recv(t, served); !errors.Is(err, ErrClosed) || len(far.seen("REGISTER", "Expires: 0")) != 1 {
		t.Errorf("%v, %d REGISTERs that remove", err, len(far.seen("REGISTER", "Expires: 0")))
	}
}

func TestTrunkThatIsDown(t *testing.T) {
	far := newFarEnd(t, always("503 Service Unavailable"))
	s := start(t, Config{Trunks: []Trunk{{Name: "provider", Server: far.uri(), Qualify: time.Second}}}, func(context.Context, *Call) {})
	eventually(t, "down", func() bool { return !s.TrunkUp("provider") })
	if q := s.Stats().Trunks["provider"].Qualify; q == nil || q.Up || q.Status != 503 || len(far.seen("OPTIONS", "")) < 2 {
		t.Errorf("state %+v", q)
	}
}

// No handler runs before the caller has proven itself; a trunk without passwords beside
// it is not asked.
func TestTrunkWithPassword(t *testing.T) {
	infos := make(chan CallInfo, 2)
	handler := func(_ context.Context, c *Call) {
		infos <- c.Info()
		_ = c.Reject(486, "Busy Here", 0)
	}
	auth := &TrunkAuth{Realm: "trunkline.test", Users: []User{{"pbx", "secret"}}, Algorithms: []string{"MD5"}}
	s := start(t, Config{Trunks: []Trunk{{Name: "anywhere", Sources: prefixes("0.0.0.0/0"), Auth: auth}, {Name: "carrier", Sources: prefixes("127.0.0.2/32")}}}, handler)
	uri := "+15551230001@" + s.addr("udp")
	sipp(t, "digest_wrong", "udp", s, nil, "-au", "pbx", "-ap", "guess", "-auth_uri", uri)
	if st := s.Stats(); len(infos) != 0 || st.SIP.AuthFailures != 1 {
		t.Errorf("stats %+v", st)
	}
	sipp(t, "digest_right", "udp", s, nil, "-au", "pbx", "-ap", "secret", "-auth_uri", uri)
	if info := recv(t, infos); info.Trunk != "anywhere" {
		t.Errorf("info %+v", info)
	}
	if got := s.trunks.find(netip.MustParseAddr("127.0.0.2")); got.Name != "carrier" || s.auth(got.Name) != nil {
		t.Errorf("127.0.0.2 belongs to %+v", got)
	}
}

func TestTrunkPeerConfigErrors(t *testing.T) {
	user := []User{{"pbx", "s3cret"}}
	for want, trunk := range map[string]Trunk{
		"lists neither sources nor TLS names":                               {},
		"trunks[0].register: needs server":                                  {Sources: prefixes("192.0.2.0/24"), Register: &Registration{Address: "sip:a@b"}},
		"trunks[0].qualify: needs server":                                   {Sources: prefixes("192.0.2.0/24"), Qualify: time.Minute},
		"trunks[0].server: \"example.com\"":                                 {Server: "example.com"},
		"trunks[0].server: \"sip:a;transport=sctp\": the transport must be": {Server: "sip:a;transport=sctp"},
		"needs a listen address tcp://":                                     {Server: "sip:example.com;transport=tcp"},
		"needs a listen address tls://":                                     {Server: "sips:example.com"},
		"trunks[0].qualify: is 10ms":                                        {Server: "sip:example.com", Qualify: 10 * time.Millisecond},
		"trunks[0].register.expires: is 1s":                                 {Server: "sip:example.com", Register: &Registration{Address: "sip:a@b", Expires: time.Second}},
		"trunks[0].register: needs credentials":                             {Server: "sip:example.com", Register: &Registration{}},
		"trunks[0].proxy:":                                                  {Server: "sip:example.com", Proxy: "x"},
		"trunks[0].auth.realm: is empty":                                    {Server: "sip:example.com", Auth: &TrunkAuth{Users: user}},
		"trunks[0].auth.users: lists nobody":                                {Server: "sip:example.com", Auth: &TrunkAuth{Realm: "r"}},
		"trunks[0].auth.users[0]: needs a name":                             {Server: "sip:example.com", Auth: &TrunkAuth{Realm: "r", Users: []User{{"", "s3cret"}}}},
		"trunks[0].auth.users[1]: has the name":                             {Server: "sip:example.com", Auth: &TrunkAuth{Realm: "r", Users: append(user, user...)}},
		"trunks[0].auth.algorithms[0]: \"SHA-1\"":                           {Server: "sip:example.com", Auth: &TrunkAuth{Realm: "r", Users: user, Algorithms: []string{"SHA-1"}}},
	} {
		trunk.Name = "a"
		s, err := Listen(Config{SIP: SIP{Listen: []string{"udp://127.0.0.1:0"}}, Trunks: []Trunk{trunk}}, HandlerFunc(func(context.Context, *Call) {}))
		var config *ConfigError
		if err == nil {
			_ = s.Close()
		}
		if !errors.As(err, &config) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The narrower network counts, but only where one of the trunks asks for a password.
func TestOverlapWithPassword(t *testing.T) {
	auth := &TrunkAuth{Realm: "r", Users: []User{{"pbx", "secret"}}}
	wide, narrow := Trunk{Name: "wide", Sources: prefixes("0.0.0.0/0")}, Trunk{Name: "narrow", Sources: prefixes("192.0.2.0/24")}
	for _, c := range []struct {
		a, b    *TrunkAuth
		sources string
		overlap bool
	}{{nil, nil, "0.0.0.0/0", true}, {auth, nil, "0.0.0.0/0", false}, {nil, auth, "0.0.0.0/0", false}, {auth, nil, "192.0.2.0/24", true}} {
		wide.Auth, narrow.Auth, wide.Sources = c.a, c.b, prefixes(c.sources)
		if _, _, got := overlapping(wide, narrow); got != c.overlap {
			t.Errorf("%+v: overlap %v", c, got)
		}
	}
	for _, order := range [][]Trunk{{wide, narrow}, {narrow, wide}} {
		order[0].Sources, order[1].Sources = prefixes("0.0.0.0/0"), prefixes("192.0.2.0/24")
		ts := newTrunks(order)
		if got := ts.find(netip.MustParseAddr("192.0.2.1")).Name; got != order[1].Name {
			t.Errorf("192.0.2.1 belongs to %q", got)
		}
		if got := ts.find(netip.MustParseAddr("198.51.100.1")).Name; got != order[0].Name {
			t.Errorf("198.51.100.1 belongs to %q", got)
		}
	}
}
