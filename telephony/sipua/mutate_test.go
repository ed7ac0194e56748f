package sipua

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// The whole run is "go test ./telephony/sipua -run TestMutations -mutations 1000000".
var (
	mutations    = flag.Int("mutations", 20_000, "number of mutated messages that TestMutations feeds")
	mutationSeed = flag.Uint64("mutation-seed", 1, "seed of TestMutations: the same seed gives the same messages")
)

// mutator damages messages: the corpus in, something near it out.
type mutator struct {
	*rand.Rand
	corpus [][]byte
}

// dictionary holds what breaks parsers.
var dictionary = []string{"\r\n", "\r\n\r\n", "\n", "\r", "\x00", "\"", "<", ">", "\\", "%", "%00", ";", ";;", ",", "=", ":", "@", "[", "]", "[::1]", " ", "\t", "\r\n ",
	"SIP/2.0", "INVITE", "ACK", "CANCEL", "BYE", "sip:", "sips:", "tel:", "*", "-1", "0", "4294967296", "99999999999999999999", "Via: ", "v: SIP/2.0/UDP x;branch=z9hG4bK1\r\n",
	"Content-Length: 10\r\n", "Content-Type: multipart/mixed;boundary=b\r\n", "--b\r\n", "Require: a\r\n", "Record-Route: <sip:a;lr>\r\n", "\xff\xfe", "\xe2\x82", strings.Repeat("A", 300), strings.Repeat(";a=b", 100)}

// next returns a message with one to six wounds.
func (m *mutator) next() []byte {
	data := bytes.Clone(m.corpus[m.IntN(len(m.corpus))])
	for range 1 + m.IntN(6) {
		data = m.wound(data)
	}
	return data[:min(len(data), 60_000)]
}

func (m *mutator) wound(data []byte) []byte {
	if len(data) == 0 {
		return []byte("x")
	}
	i := m.IntN(len(data))
	j := min(len(data), i+1+m.IntN(40))
	switch m.IntN(8) {
	case 0:
		data[i] = byte(m.IntN(256))
		return data
	case 1:
		data[i] ^= 1 << m.IntN(8)
		return data
	case 2: // cut out
		return append(data[:i:i], data[j:]...)
	case 3: // say twice
		return append(data[:j:j], data[i:]...)
	case 4: // end here
		return data[:i]
	case 5: // the rest of another message
		other := m.corpus[m.IntN(len(m.corpus))]
		return append(data[:i:i], other[m.IntN(len(other)):]...)
	case 6: // swap two lines
		lines := bytes.Split(data, []byte("\r\n"))
		a, b := m.IntN(len(lines)), m.IntN(len(lines))
		lines[a], lines[b] = lines[b], lines[a]
		return bytes.Join(lines, []byte("\r\n"))
	}
	word := dictionary[m.IntN(len(dictionary))]
	return append(append(data[:i:i], word...), data[i:]...)
}

// corpusOf is the torture messages and good ones of every method.
func corpusOf(tb testing.TB) (corpus [][]byte) {
	for _, tc := range tortures(tb) {
		corpus = append(corpus, tc.raw)
	}
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	for _, method := range []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "NOTIFY", "INFO", "PRACK", "REFER"} {
		corpus = append(corpus, []byte(p.request(method, 1, "", testOffer, "Record-Route: <sip:a;lr>, \"x,y\" <sip:b>", "Reason: SIP;cause=1;text=\"a\\\"b\"",
			"P-Asserted-Identity: <tel:+1>, \"B\" <sip:c@d>", "Event: refer;id=2", "Subscription-State: active;expires=9")))
	}
	return corpus
}

// parlour is everything that touches a message before a call exists, without sockets.
type parlour struct {
	*UA
	src netip.AddrPort
}

func newParlour() *parlour {
	u := &UA{parser: newParser(), registry: newRegistry(10, 0), tagger: newTagger(), strangers: newBucket(1e9, 1e9), log: discardLogger(), attempts: newAttempts()}
	u.cfg = Config{}.withDefaults()
	u.conns = newConns(u)
	return &parlour{u, netip.MustParseAddrPort("192.0.2.1:5060")}
}

// take runs one datagram along the real path and says what became of it: the status of the
// answer, 0 for silence.
func (p *parlour) take(data []byte) (status int) {
	p.forbid(data, p.src, "UDP")
	msg, err := p.parser.ParseSIP(data)
	if err != nil {
		if _, _, ok := reply(data, p.src); ok {
			return sip.StatusBadRequest
		}
		return 0
	}
	msg.SetSource(p.src.String())
	msg.SetTransport("UDP")
	p.arrive(msg)
	req, ok := msg.(*sip.Request)
	if !ok || req.IsAck() {
		return 0
	}
	bad := screenForm(req)
	if bad == nil {
		bad = screenMethod(req, extensions(Config{}))
	}
	if bad == nil && (req.IsInvite() || req.Method == sip.UPDATE) {
		if bad = screenInvite(req); bad == nil {
			p.read(req)
		}
	}
	if bad == nil && req.Method == sip.NOTIFY {
		_, bad = reportOf(req)
	}
	if bad == nil {
		bad = refuse(sip.StatusOK, "OK")
	}
	_ = newResponse(req, bad.status, bad.reason, bad.headers...).String()
	return bad.status
}

// read does what the life of a call does with its INVITE.
func (p *parlour) read(req *sip.Request) {
	r := snapshot(req, "")
	for _, values := range r.HeaderMap {
		for _, v := range values {
			_, _ = parseReason(v), firstOf(v)
			_, _ = parameters(v)
		}
	}
	uri, routes := aim(routeSet(req), req.Contact().Address)
	_, _, _ = uri.String(), nextHop(routes, uri), reasonOf(req)
}

// Damaged messages of every kind: never a panic, never a hang, and always an answer that
// RFC 3261 knows, or silence. Plain "go test" feeds a part of what -mutations can.
func TestMutations(t *testing.T) {
	m := &mutator{rand.New(rand.NewPCG(*mutationSeed, 0)), corpusOf(t)}
	p := newParlour()
	seen := make(map[int]int)
	for i := range *mutations {
		data := m.next()
		start := time.Now()
		func() {
			defer func() {
				if v := recover(); v != nil {
					t.Fatalf("message %d of seed %d: panic %v\n%q", i, *mutationSeed, v, data)
				}
			}()
			seen[p.take(data)]++
		}()
		if d := time.Since(start); d > 10*time.Second {
			t.Fatalf("message %d of seed %d took %v\n%q", i, *mutationSeed, d, data)
		}
		if n := p.counters.panics.Load(); n > 0 {
			t.Fatalf("message %d of seed %d: a panic was caught\n%q", i, *mutationSeed, data)
		}
	}
	for status := range seen {
		switch status {
		case 0, 200, 400, 405, 406, 415, 416, 420, 481, 489, 505:
		default:
			t.Errorf("%d is no answer of this path", status)
		}
	}
	if *mutations >= 20_000 && (seen[0] == 0 || seen[200] == 0 || seen[400] == 0) {
		t.Errorf("the mutations are one-sided: %v", seen)
	}
	if living, ended := p.registry.counts(); living+ended != 0 {
		t.Errorf("%d dialogs and %d graves are left", living, ended)
	}
}

// FuzzForbid feeds what strangers send to what answers them, and to what answers the
// unreadable. An answer may not hold more header lines of the sender's than it must repeat.
func FuzzForbid(f *testing.F) {
	for _, data := range corpusOf(f) {
		f.Add(data)
	}
	p := newParlour()
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, res, ok := p.forbid(data, p.src, "UDP"); ok && !bytes.HasPrefix(res, []byte("SIP/2.0 403 ")) {
			t.Errorf("%q", res)
		}
		to, res, ok := reply(data, p.src)
		if ok && (to.Addr() != p.src.Addr() || strings.Count(res, "\r\n\r\n") != 1 || strings.Contains(strings.ReplaceAll(res, "\r\n", ""), "\n")) {
			t.Errorf("%v %q", to, res)
		}
		if p.counters.panics.Load() > 0 {
			t.Fatal("panic")
		}
	})
}

// FuzzHeaderText feeds the readers of header values and small bodies.
func FuzzHeaderText(f *testing.F) {
	for _, s := range []string{`"Doe, J \"" <sip:a@b:1;x=y>;tag=1, <tel:+1>`, `Q.850;cause=16;text="a;\"b"`, "SIP/2.0 200 OK\r\nTo: x", "refer;id=7;a=\"b", " ; = ", "<,>\"\\", "tel:+1;ext=2", "sip:a@[::1]:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r := parseReason(s); strings.ContainsAny(clean(r.String()), "\r\n") {
			t.Errorf("%q", r)
		}
		if status, reason, ok := parseSipfrag(s); ok && (status < 100 || status > 699 || len(reason) > maxReason) {
			t.Errorf("%d %q", status, reason)
		}
		if once := tidyParams(s); len(once) > len(s) {
			t.Errorf("%q became %q", s, once)
		}
		_, _ = parameters(s)
		_, _, _ = IsTarget(s), unknownScheme(s), presentable(s)
	})
}

// FuzzBody feeds bodies of every claimed type to the search for an offer.
func FuzzBody(f *testing.F) {
	f.Add("application/sdp", []byte(testOffer))
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n"))
	f.Add("multipart/mixed;boundary=\"\"", []byte("--\r\n"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", Host: "a"})
		req.AppendHeader(sip.NewHeader("Content-Type", kind))
		req.SetBody(body)
		if offer, ok := offerOf(req); len(offer) > len(body) || !ok && len(offer) > 0 {
			t.Errorf("%d bytes out of %d, %v", len(offer), len(body), ok)
		}
	})
}
