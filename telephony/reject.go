package telephony

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/telephony/sipua"
)

// rejection is why a call does not reach the handler. Its text is the name under which
// it is counted.
type rejection struct {
	status     int
	text       string
	retryAfter time.Duration // 0: no such header
	warning    string        // Warning header value, "" for none
}

var (
	rejectDraining  = &rejection{status: 503, text: "draining", retryAfter: 30 * time.Second}
	rejectFull      = &rejection{status: 503, text: "call limit", retryAfter: 10 * time.Second}
	rejectRate      = &rejection{status: 503, text: "call rate limit", retryAfter: 2 * time.Second}
	rejectPorts     = &rejection{status: 503, text: "no media ports", retryAfter: 10 * time.Second}
	rejectSocket    = &rejection{status: 500, text: "media socket failed"}
	rejectSyntax    = &rejection{status: 488, text: "unreadable offer", warning: `399 - "session description cannot be read"`}
	rejectMediaAddr = &rejection{status: 488, text: "media address not allowed", warning: `399 - "media address is not allowed"`}
	rejectClear     = &rejection{status: 488, text: "signalling in the clear", warning: `399 - "encrypted audio is required, and signalling over TLS for its keys"`}
	rejectFamily    = &rejection{status: 488, text: "media address family", warning: `301 - "media address family differs from signalling"`}
)

// rejectOffer explains an error of package sdp.
func rejectOffer(err error) *rejection {
	var refusal *sdp.Refusal
	if !errors.As(err, &refusal) {
		return rejectSyntax
	}
	return &rejection{status: 488, text: refusal.Text, warning: fmt.Sprintf("%d - %q", refusal.WarnCode, refusal.Text)}
}

func (r *rejection) headers() []sipua.Header {
	var h []sipua.Header
	if r.retryAfter > 0 {
		h = append(h, retryAfterHeader(r.retryAfter))
	}
	if r.warning != "" {
		h = append(h, sipua.Header{Name: "Warning", Value: r.warning})
	}
	return h
}

// retryAfterHeader rounds up: a caller that comes back too early is refused again.
func retryAfterHeader(d time.Duration) sipua.Header {
	seconds := int((d + time.Second - 1) / time.Second)
	return sipua.Header{Name: "Retry-After", Value: strconv.Itoa(seconds)}
}

// reasonPhrase is the standard text for the statuses given here.
func reasonPhrase(status int) string {
	switch status {
	case 488:
		return "Not Acceptable Here"
	case 503:
		return "Service Unavailable"
	}
	return "Server Internal Error"
}

// Rejection names one kind of refused call in Stats.
type Rejection struct {
	Status int
	Reason string // one of a fixed set; "handler" for what the handler refused
}

// tally counts refused calls by kind.
type tally struct {
	mu     sync.Mutex
	counts map[Rejection]uint64
}

func (t *tally) add(r Rejection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[Rejection]uint64)
	}
	t.counts[r]++
}

func (t *tally) snapshot() map[Rejection]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := make(map[Rejection]uint64, len(t.counts))
	for k, v := range t.counts {
		m[k] = v
	}
	return m
}
