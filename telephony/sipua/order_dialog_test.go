package sipua

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSwappedRequests(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))}, func(t *timing) { t.gap = 5 * time.Second })
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.send(p.request("BYE", 3, "", "")) // overtook the INFO on the wire
	p.send(p.request("INFO", 2, "", ""))
	seen := map[string]int{}
	p.until("both answers", func(m message) bool { seen[m.cseq()] = m.status(); return len(seen) == 2 })
	if seen["2 INFO"] != 200 || seen["3 BYE"] != 200 {
		t.Errorf("answers %v", seen)
	}
}

// Requests sent back to back reach the handler swapped half of the time; nobody outside
// may notice. The short gap shows that the order of the wire is known, not guessed.
func TestBackToBackRequestsKeepTheirOrder(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))}, func(t *timing) { t.gap, t.late = time.Nanosecond, 20*time.Second })
	p := dial(t, "tcp", u.listening("tcp"))
	p.call()
	const n = 200
	var batch strings.Builder
	for i := range n {
		batch.WriteString(p.request("INFO", 2+i, "", ""))
	}
	batch.WriteString(p.request("BYE", 2+n, "", ""))
	p.send(batch.String())
	next := 2
	for next < 2+n {
		m, ok := p.next(20 * time.Second)
		if !ok {
			t.Fatal("no answer")
		}
		if m.cseq() != fmt.Sprintf("%d INFO", next) || m.status() != 200 {
			t.Fatalf("got %q for %q, want 200 for INFO %d", m.start, m.cseq(), next)
		}
		next++
	}
	p.final(fmt.Sprintf("%d BYE", 2+n))
}

func TestSkippedAndOldNumbers(t *testing.T) {
	u := start(t, Config{Invite: answerAndWait(make(chan error, 1))})
	p := dial(t, "udp", u.listening("udp"))
	p.call()
	p.want(200, "9 OPTIONS", p.request("OPTIONS", 9, "", "")) // 2 to 8 never come
	p.want(500, "5 OPTIONS", p.request("OPTIONS", 5, "", ""))
	p.want(200, "4 BYE", p.request("BYE", 4, "", "")) // an end is an end
}
