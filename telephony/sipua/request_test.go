package sipua

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// ask runs an errand to a name that stands for the far ends, in this order.
func ask(t *testing.T, ctx context.Context, method sip.RequestMethod, c Credentials, far ...*farEnd) (*sip.Response, error) {
	t.Helper()
	z := &zone{srv: make(map[string][]*net.SRV), hosts: map[string][]string{"x.test": {"::ffff:127.0.0.1"}, "six.test": {"2001:db8::1"}}}
	for i, f := range far {
		z.srv["_sip._udp.example.com"] = append(z.srv["_sip._udp.example.com"], &net.SRV{Target: "x.test.", Port: f.addr.Port(), Priority: uint16(i)})
	}
	z.srv["_sip._udp.example.com"] = append(z.srv["_sip._udp.example.com"], &net.SRV{Target: "six.test.", Port: 5060, Priority: 99})
	u := start(t, Config{Admit: strict, Resolver: z}, func(t *timing) { t.hopWait = 200 * time.Millisecond })
	uri := sip.Uri{Scheme: "sip", Host: "example.com"}
	e := &errand{ua: u, peer: "carrier", method: method, uri: uri, via: uri, to: uri, fromTag: "f", callID: newCallID(), login: login{credentials: c}}
	res, _, err := e.run(ctx, func(*sip.Request, flow) {})
	return res, err
}

func says(t *testing.T, status int) *farEnd {
	return newFarEnd(t, func(req *sip.Request) *sip.Response {
		return newResponse(req, status, "", Header{"WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`})
	})
}

func TestErrandGoesFromHopToHop(t *testing.T) {
	mute := newFarEnd(t, func(*sip.Request) *sip.Response { return nil })
	busy, refusing, unasked := says(t, 503), says(t, 404), says(t, 200)
	res, err := ask(t, t.Context(), sip.REGISTER, alice, mute, busy, refusing, unasked)
	if err != nil || res.StatusCode != 404 {
		t.Errorf("%v, %v", res, err)
	}
	if len(mute.seen()) == 0 || len(busy.seen()) != 1 || len(refusing.seen()) != 1 || len(unasked.seen()) != 0 {
		t.Errorf("asked %d, %d, %d, %d times", len(mute.seen()), len(busy.seen()), len(refusing.seen()), len(unasked.seen()))
	}
}

// The reason that is told is that of a peer, not that the last address cannot be reached
// from here.
func TestErrandTellsTheReason(t *testing.T) {
	_, err := ask(t, t.Context(), sip.REGISTER, alice, says(t, 503))
	var status *StatusError
	if !errors.As(err, &status) || status.Status != 503 {
		t.Errorf("err = %v", err)
	}
}

func TestErrandAndChallenges(t *testing.T) {
	first, second := says(t, 401), says(t, 200)
	if _, err := ask(t, t.Context(), sip.REGISTER, Credentials{}, first, second); !errors.Is(err, ErrChallenge) || len(second.seen()) != 0 {
		t.Errorf("without credentials: %v; another server was asked %d times", err, len(second.seen()))
	}
	if _, err := ask(t, t.Context(), sip.REGISTER, alice, first, second); !errors.Is(err, ErrCredentials) || len(second.seen()) != 0 {
		t.Errorf("with wrong ones: %v; another server was asked %d times", err, len(second.seen()))
	}
	if res, err := ask(t, t.Context(), sip.OPTIONS, alice, first, second); err != nil || res.StatusCode != 401 {
		t.Errorf("OPTIONS: %v, %v", res, err)
	}
}

func TestErrandEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	mute := newFarEnd(t, func(*sip.Request) *sip.Response { cancel(); return nil })
	next := says(t, 200)
	if _, err := ask(t, ctx, sip.REGISTER, alice, mute, next); !errors.Is(err, context.Canceled) || len(next.seen()) != 0 {
		t.Errorf("err = %v", err)
	}
}

// A registrar that is silent on an old connection is asked on a new one.
func TestSilentConnectionIsReplaced(t *testing.T) {
	var mu sync.Mutex
	sources := make(map[string]bool)
	far := newFarEnd(t, func(req *sip.Request) *sip.Response {
		mu.Lock()
		defer mu.Unlock()
		if sources[req.Source()] = true; len(sources) < 2 {
			return nil
		}
		return confirm(req, time.Hour)
	})
	u := start(t, Config{Admit: strict}, func(t *timing) { t.t1 = 5 * time.Millisecond })
	awaitStatus(t, u.mustRegister(t, RegistrationConfig{Registrar: far.uri("tcp"), Credentials: alice}), RegistrationRegistered)
}

// The answer to one server's challenge is not shown to the next server.
func TestErrandKeepsAnswersApart(t *testing.T) {
	first := newFarEnd(t, func(req *sip.Request) *sip.Response {
		if len(headerValues(req, "authorization", "")) > 0 {
			return newResponse(req, 503, "Busy")
		}
		return challenged(req)
	})
	second := says(t, 200)
	if res, err := ask(t, t.Context(), sip.REGISTER, alice, first, second); err != nil || res.StatusCode != 200 {
		t.Fatalf("%v, %v", res, err)
	}
	if len(first.seen()) != 2 || len(headerValues(second.seen()[0], "authorization", "")) != 0 {
		t.Errorf("the second server was shown %q", headerValues(second.seen()[0], "authorization", ""))
	}
}

func challenged(req *sip.Request) *sip.Response {
	return newResponse(req, 401, "", Header{"WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`})
}
