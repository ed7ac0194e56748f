package sipua

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

const testTarget = "sip:+4930123@pbx.test;user=phone"

// outcome is what Refer and then the call ended with.
type outcome struct{ refer, end error }

// referring is a handler that answers, refers the caller, and waits for the end.
func referring(patience time.Duration, outcomes chan<- outcome) func(context.Context, *Dialog) {
	return func(ctx context.Context, d *Dialog) {
		_ = d.Answer(ctx, []byte(testAnswer))
		err := d.Refer(context.Background(), testTarget, patience)
		outcomes <- outcome{refer: err}
		<-ctx.Done()
		outcomes <- outcome{end: context.Cause(ctx)}
	}
}

// referred sets a call up whose agent refers, and reads the REFER.
func referred(t *testing.T, transport string, patience time.Duration) (p *peer, refer message, outcomes chan outcome) {
	t.Helper()
	outcomes = make(chan outcome, 2)
	u := start(t, Config{Invite: referring(patience, outcomes)})
	p = dial(t, transport, u.listening(transport))
	p.call()
	return p, p.until("REFER", func(m message) bool { return m.method() == "REFER" }), outcomes
}

// responseFor is a response of the peer's to a request of ours.
func responseFor(m message, status string) string {
	lines := []string{"SIP/2.0 " + status}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		lines = append(lines, name+": "+m.headers.Get(name))
	}
	return strings.Join(append(lines, "Content-Length: 0"), "\r\n") + "\r\n\r\n"
}

func (p *peer) notify(cseq int, state, sipfrag string, extra ...string) string {
	if sipfrag != "" {
		extra = append(extra, "Content-Type: message/sipfrag;version=2.0")
	}
	raw := p.request("NOTIFY", cseq, "", sipfrag, append(extra, "Subscription-State: "+state)...)
	if !strings.Contains(raw, "Event:") {
		raw = strings.Replace(raw, "Subscription-State", "Event: refer\r\nSubscription-State", 1)
	}
	return strings.Replace(raw, "Content-Type: application/sdp\r\n", "", 1)
}

func TestReferTakesReportsInTurn(t *testing.T) {
	for _, transport := range transports {
		p, refer, outcomes := referred(t, transport, 20*time.Second)
		for name, want := range map[string]string{"Refer-To": "<" + testTarget + ">", "Referred-By": "<sip:+15551230001@trunkline.test>", "Max-Forwards": "70"} {
			if got := refer.headers.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if !strings.HasPrefix(refer.headers.Get("Contact"), "<sip:+15551230001@127.0.0.1:") || !strings.Contains(refer.start, p.contact) {
			t.Errorf("%q with Contact %q", refer.start, refer.headers.Get("Contact"))
		}
		p.want(200, "2 NOTIFY", p.notify(2, "active;expires=60", "SIP/2.0 100 Trying\r\n")) // faster than the 202
		p.send(responseFor(refer, "202 Accepted"))
		id := strings.Fields(refer.cseq())[0]
		p.want(481, "3 NOTIFY", p.notify(3, "active", "SIP/2.0 180 Ringing", "Event: refer;id=77"))
		p.want(200, "4 NOTIFY", p.notify(4, "active", "SIP/2.0 180 Ringing", "o: refer;id="+id))
		p.want(489, "5 NOTIFY", p.notify(5, "active", "", "Event: message-summary"))
		p.want(415, "6 NOTIFY", p.request("NOTIFY", 6, "", "x", "Event: refer", "Subscription-State: active"))
		p.want(400, "7 NOTIFY", p.notify(7, "active", "HTTP/1.1 200 OK"))
		p.want(200, "8 NOTIFY", p.notify(8, "active", ""))
		p.want(200, "9 NOTIFY", p.notify(9, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"))
		p.want(481, "10 NOTIFY", p.notify(10, "terminated", "SIP/2.0 200 OK\r\n"))
		if o := recv(t, outcomes); o.refer != nil {
			t.Errorf("%s: Refer: %v", transport, o.refer)
		}
		p.want(200, "11 BYE", p.request("BYE", 11, "", ""))
		var bye *ByeError
		if o := recv(t, outcomes); !errors.As(o.end, &bye) || !bye.Transferred {
			t.Errorf("%s: cause %v", transport, o.end)
		}
	}
}

// Whatever goes wrong with a referral, the call goes on.
func TestReferFails(t *testing.T) {
	for name, tc := range map[string]struct {
		response string
		reports  []string // "state|sipfrag"
		patience time.Duration
		want     error
	}{
		"refused":        {"603 Decline", nil, time.Minute, &TransferError{603, "Decline"}},
		"not understood": {"405 Method Not Allowed", nil, time.Minute, &TransferError{405, "Method Not Allowed"}},
		"redirected":     {"302 Moved", nil, time.Minute, &TransferError{302, "Moved"}},
		"busy":           {"202 Accepted", []string{"active|SIP/2.0 100 Trying", "terminated|SIP/2.0 486 Busy \x01Here"}, time.Minute, &TransferError{486, "Busy  Here"}},
		"no result":      {"202 Accepted", []string{"terminated;reason=timeout|"}, time.Minute, &TransferError{}},
		"only a 100":     {"202 Accepted", []string{"terminated|SIP/2.0 100 Trying"}, time.Minute, &TransferError{}},
		"accepted by 200, failed": {"200 OK", []string{"terminated|SIP/2.0 503 Service Unavailable\r\nRetry-After: 1\r\n"}, time.Minute,
			&TransferError{503, "Service Unavailable"}},
		"no report": {"202 Accepted", nil, 50 * time.Millisecond, ErrNoReport},
	} {
		t.Run(name, func(t *testing.T) {
			p, refer, outcomes := referred(t, "udp", tc.patience)
			p.send(responseFor(refer, tc.response))
			for i, r := range tc.reports {
				state, sipfrag, _ := strings.Cut(r, "|")
				p.want(200, fmt.Sprintf("%d NOTIFY", 2+i), p.notify(2+i, state, sipfrag))
			}
			got := recv(t, outcomes).refer
			var failed, want *TransferError
			if errors.As(tc.want, &want) {
				if !errors.As(got, &failed) || *failed != *want || failed.Error() == "" {
					t.Errorf("Refer: %v, want %v", got, tc.want)
				}
			} else if !errors.Is(got, tc.want) {
				t.Errorf("Refer: %v, want %v", got, tc.want)
			}
			p.want(481, "8 NOTIFY", p.notify(8, "terminated", "SIP/2.0 200 OK")) // too late
			p.want(200, "9 OPTIONS", p.request("OPTIONS", 9, "", ""))
			p.want(200, "10 BYE", p.request("BYE", 10, "", ""))
			var bye *ByeError
			if o := recv(t, outcomes); !errors.As(o.end, &bye) || bye.Transferred {
				t.Errorf("cause %v", o.end)
			}
		})
	}
}

// A caller that hangs up while we wait is a caller that hung up.
func TestReferMeetsBye(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		p, refer, outcomes := referred(t, "udp", time.Minute)
		if accepted {
			p.send(responseFor(refer, "202 Accepted"))
			p.want(200, "2 NOTIFY", p.notify(2, "active", "SIP/2.0 100 Trying"))
		}
		p.want(200, "3 BYE", p.request("BYE", 3, "", ""))
		var bye *ByeError
		if o := recv(t, outcomes); !errors.As(o.refer, &bye) || bye.Transferred {
			t.Errorf("Refer: %v", o.refer)
		}
		recv(t, outcomes)
	}
}

// The last report and the BYE in one breath, before the 202: the transfer succeeded.
func TestReportAndByeInOneBreath(t *testing.T) {
	p, _, outcomes := referred(t, "tcp", time.Minute)
	p.send(p.notify(2, "terminated", "SIP/2.0 200 OK") + p.request("BYE", 3, "", ""))
	if o := recv(t, outcomes); o.refer != nil {
		t.Errorf("Refer: %v", o.refer)
	}
	var bye *ByeError
	if o := recv(t, outcomes); !errors.As(o.end, &bye) || !bye.Transferred {
		t.Errorf("cause %v", o.end)
	}
}

func TestReferNeedsItsState(t *testing.T) {
	errs := make(chan error, 10)
	u := start(t, Config{Invite: func(ctx context.Context, d *Dialog) {
		refer := func(ctx context.Context) error { return d.Refer(ctx, testTarget, time.Minute) }
		errs <- refer(ctx) // while ringing
		_ = d.Answer(ctx, []byte(testAnswer))
		errs <- d.Refer(ctx, "sip:a@b>\r\nX: y", time.Minute)
		short, cancel := context.WithCancelCause(ctx)
		first := make(chan error, 1)
		go func() { first <- refer(short) }()
		for pending := false; !pending; {
			<-time.After(time.Millisecond)
			d.mu.Lock()
			pending = d.referral != nil
			d.mu.Unlock()
		}
		errs <- refer(ctx) // the first is pending
		cancel(context.DeadlineExceeded)
		errs <- <-first
		_ = d.Bye(context.Background(), Reason{})
		errs <- refer(ctx) // over
	}})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	refer := p.until("REFER", func(m message) bool { return m.method() == "REFER" })
	p.send(responseFor(refer, "202 Accepted"))
	p.send(p.okFor(p.until("BYE", func(m message) bool { return m.method() == "BYE" })))
	for i, want := range []error{ErrState, ErrTarget, ErrState, context.DeadlineExceeded, ErrState} {
		if err := recv(t, errs); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
}

// Reports keep the wait alive, for as long as a target may ring.
func TestFollowIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &referral{news: make(chan struct{}, 1), done: make(chan struct{})}
		start := time.Now()
		go func() {
			<-time.After(25 * time.Second)
			r.news <- struct{}{}
		}()
		if err := r.follow(t.Context(), 30*time.Second); err != ErrNoReport || time.Since(start) != 25*time.Second+maxRinging {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestPeerURI(t *testing.T) {
	uris := make(chan string, 1)
	u := start(t, Config{Invite: func(_ context.Context, d *Dialog) {
		uris <- d.PeerURI("*12#")
		_ = d.Reject(486, "Busy Here")
	}})
	for contact, want := range map[string]string{
		"sip:x@192.0.2.1:5070;transport=tcp": "sip:*12%23@192.0.2.1:5070", "sip:[2001:db8::1]": "sip:*12%23@[2001:db8::1]", "tel:+49": "sip:*12%23@test",
	} {
		p := dial(t, "udp", u.listening("udp"))
		p.contact = contact
		p.want(486, "1 INVITE", p.request("INVITE", 1, "", testOffer))
		if got := recv(t, uris); got != want {
			t.Errorf("%s: %q, want %q", contact, got, want)
		}
	}
}

var targets = map[string]bool{
	"sip:+4930123@pbx.test": true, "sips:bob@pbx.test": true, "tel:+49-30-123": true, "tel:123;phone-context=+49": true, "SIP:a@b": true,
	"sip:pbx.test": true, "sip:a@[2001:db8::1]:5060;transport=tcp": true, "sip:a%20b@c": true,
	"": false, "sip:": false, "sip:a@": false, "tel:": false, "tel:bob": false, "http://a": false, "+4930123": false, "mailto:a@b": false,
	"sip:a b@c": false, "sip:a@b\r\nX: y": false, "sip:a@b>": false, "<sip:a@b>": false, "sip:a@b\x00": false, "sip:a@b\x7f": false, "sip:ä@b": false,
	"sip:a@b?Replaces=1": false, "sip:a@b;method=BYE": false, "\"x\" sip:a@b": false, "sip:a@" + strings.Repeat("b", 300): false, "*": false,
}

func TestIsTarget(t *testing.T) {
	for uri, want := range targets {
		if got := IsTarget(uri); got != want {
			t.Errorf("%q: %v", uri, got)
		}
	}
}

// FuzzTarget: what is accepted as a target is one header with that URI in it when the
// REFER is read again, and nothing else.
func FuzzTarget(f *testing.F) {
	for uri := range targets {
		f.Add(uri)
	}
	headers := maps.Clone(sip.DefaultHeadersParser())
	delete(headers, "refer-to") // as it is on the wire
	parser := sip.NewParser(sip.WithHeadersParsers(headers))
	f.Fuzz(func(t *testing.T, uri string) {
		if !IsTarget(uri) {
			return
		}
		req := sip.NewRequest(sip.REFER, sip.Uri{Scheme: "sip", Host: "a"})
		req.AppendHeader(sip.NewHeader("Refer-To", "<"+uri+">"))
		req.AppendHeader(sip.NewHeader("X-After", "y"))
		req.SetBody(nil)
		msg, err := parser.ParseSIP([]byte(req.String()))
		if err != nil {
			t.Fatalf("%q: %v", uri, err)
		}
		if n := len(msg.(*sip.Request).Headers()); n != len(req.Headers()) || firstValue(msg, "refer-to", "r") != "<"+uri+">" || firstValue(msg, "x-after", "") != "y" {
			t.Fatalf("%q became %d headers:\n%s", uri, n, msg)
		}
		if all := splitOutside(firstValue(msg, "refer-to", ""), ','); len(all) != 1 {
			t.Fatalf("%q became %d addresses", uri, len(all))
		}
	})
}

// FuzzReport reads any NOTIFY: a status within its range, a reason fit for a log.
func FuzzReport(f *testing.F) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	f.Add([]byte(p.notify(1, "active;expires=60", "SIP/2.0 100 Trying\r\nTo: <sip:a@b>\r\n")))
	f.Add([]byte(p.notify(1, "terminated;reason=noresource", "sip/2.0 200 OK", "Event: refer ; id=\"7\"")))
	f.Add([]byte(p.notify(1, "", "SIP/2.0 699 \xff\x00", "o: REFER")))
	parser := newParser()
	f.Fuzz(func(t *testing.T, data []byte) {
		msg, err := parser.ParseSIP(data)
		req, ok := msg.(*sip.Request)
		if err != nil || !ok {
			return
		}
		r, bad := reportOf(req)
		if bad == nil && r.status != 0 && (r.status < 100 || r.status > 699) {
			t.Fatalf("%+v", r)
		}
		if len(r.reason) > maxReason || strings.ContainsAny(r.reason, "\r\n\x00") || strings.ToValidUTF8(r.reason, "") != r.reason {
			t.Fatalf("reason %q", r.reason)
		}
		if bad != nil && bad.status < 400 {
			t.Fatalf("refused with %d", bad.status)
		}
	})
}

// Reports of another peer mean nothing, whoever's names they carry.
func TestReportsOfAStranger(t *testing.T) {
	outcomes := make(chan outcome, 2)
	var mine atomic.Pointer[netip.AddrPort]
	u := start(t, Config{Invite: referring(time.Minute, outcomes), Admit: func(src Source) Admission {
		if own := mine.Load(); own != nil && *own != src.Addr {
			return Admission{Allow, "other"}
		}
		return Admission{Allow, "carrier"}
	}})
	p := dial(t, "udp", u.listening("udp"))
	own := addrPort(p.conn.LocalAddr())
	mine.Store(&own)
	p.call()
	refer := p.until("REFER", func(m message) bool { return m.method() == "REFER" })
	p.send(responseFor(refer, "202 Accepted"))
	other := dial(t, "udp", u.listening("udp"))
	other.callID, other.toTag = p.callID, p.toTag
	other.want(481, "2 NOTIFY", other.notify(2, "terminated", "SIP/2.0 200 OK"))
	p.want(200, "3 NOTIFY", p.notify(3, "terminated", "SIP/2.0 404 Not Found"))
	var failed *TransferError
	if o := recv(t, outcomes); !errors.As(o.refer, &failed) || failed.Status != 404 {
		t.Errorf("Refer: %v", o.refer)
	}
	p.want(200, "4 BYE", p.request("BYE", 4, "", ""))
	recv(t, outcomes)
}

func TestNumberURI(t *testing.T) {
	for _, tc := range [][3]string{
		{"+4930123", "sip:pbx.test", "sip:+4930123@pbx.test"},
		{"*31#1", "sip:trunk@192.0.2.1:5070;transport=tcp", "sip:*31%231@192.0.2.1:5070;transport=tcp"},
		{"1", "sips:pbx.test", ""}, {"1", "tel:1", ""}, {"1", "pbx.test", ""}, {"1", "", ""}, {"1", "sip:h\r\nX: y", ""},
	} {
		if got, err := NumberURI(tc[0], tc[1]); got != tc[2] || (err == nil) != (tc[2] != "") {
			t.Errorf("%q at %q: %q, %v", tc[0], tc[1], got, err)
		}
	}
}
