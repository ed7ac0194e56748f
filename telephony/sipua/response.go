package sipua

import (
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// newResponse builds a response to req.
func newResponse(req *sip.Request, status int, reason string, headers ...Header) *sip.Response {
	res := sip.NewResponseFromRequest(req, status, clean(reason), nil)
	res.SipVersion = "SIP/2.0" // sipgo repeats what the request claimed
	for _, h := range headers {
		res.AppendHeader(sip.NewHeader(clean(h.Name), clean(h.Value)))
	}
	return res
}

// withBody adds a session description.
func withBody(res *sip.Response, sdp []byte) *sip.Response {
	res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	res.SetBody(sdp)
	return res
}

// respond sends a final response to a request that is not a new call.
func respond(tx *sip.ServerTx, req *sip.Request, status int, reason string, headers ...Header) {
	// A failed write ends the transaction by itself; the peer will ask again.
	_ = tx.Respond(newResponse(req, status, reason, headers...))
}

func (r *refusal) send(tx *sip.ServerTx, req *sip.Request) {
	respond(tx, req, r.status, r.reason, r.headers...)
}

func uintString(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
