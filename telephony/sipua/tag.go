package sipua

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// tagger makes the To tag of our responses. The tag is computed from the request under
// a secret, not drawn: a CANCEL gets the tag of the INVITE it is about, and so does
// the 487 that sipgo sends by itself (RFC 3261 §9.2), without any shared state.
// Outsiders cannot guess it, which is half of what protects a dialog.
type tagger struct{ secret [32]byte } // static

func newTagger() *tagger {
	t := &tagger{}
	_, _ = rand.Read(t.secret[:]) // never fails since Go 1.24
	return t
}

// tag is 80 bits in hex for the transaction that req belongs to.
func (t *tagger) tag(req *sip.Request) string {
	mac := hmac.New(sha256.New, t.secret[:])
	write := func(s string) {
		mac.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	if h := req.CallID(); h != nil {
		write(h.Value())
	}
	if h := req.From(); h != nil {
		write(h.Params.GetOr("tag", ""))
	}
	if h := req.CSeq(); h != nil {
		write(strconv.FormatUint(uint64(h.SeqNo), 10))
	}
	write(branchOf(req))
	return hex.EncodeToString(mac.Sum(nil)[:10])
}

// stamp adds the tag to a request that starts a dialog. It must run before sipgo hands
// the message to a second goroutine.
func (t *tagger) stamp(req *sip.Request) {
	if to := req.To(); to != nil && to.Params.GetOr("tag", "") == "" {
		to.Params.Remove("tag")
		to.Params.Add("tag", t.tag(req))
	}
}

// starts reports whether req arrived without a To tag, that is outside a dialog.
func (t *tagger) starts(req *sip.Request) bool {
	return toTag(req) == t.tag(req)
}

func branchOf(msg sip.Message) string {
	if via := msg.Via(); via != nil {
		return via.Params.GetOr("branch", "")
	}
	return ""
}

func toTag(msg sip.Message) string {
	if h := msg.To(); h != nil {
		return h.Params.GetOr("tag", "")
	}
	return ""
}

func fromTag(msg sip.Message) string {
	if h := msg.From(); h != nil {
		return h.Params.GetOr("tag", "")
	}
	return ""
}
