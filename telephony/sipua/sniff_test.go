package sipua

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestSniff(t *testing.T) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	invite := p.request("INVITE", 1, "", testOffer)
	q := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b", toTag: "x"}
	for name, tc := range map[string]struct {
		raw  string
		want kind
	}{
		"INVITE":          {invite, fresh},
		"OPTIONS":         {p.request("OPTIONS", 1, "", ""), fresh},
		"re-INVITE":       {q.request("INVITE", 2, "", testOffer), known},
		"BYE":             {q.request("BYE", 2, "", ""), known},
		"BYE of no call":  {p.request("BYE", 2, "", ""), fresh},
		"ACK":             {p.request("ACK", 1, "", ""), known},
		"CANCEL":          {p.request("CANCEL", 1, "", ""), known},
		"response":        {responseFor(message{}, "200 OK"), known},
		"keep-alive":      {"\r\n\r\n", known},
		"leading lines":   {"\r\n\r\n" + invite, fresh},
		"compact":         {strings.NewReplacer("From:", "f:", "To:", "T :", "Call-ID:", "i:", "Via:", "V:").Replace(invite), fresh},
		"folded":          {strings.Replace(strings.Replace(invite, ";tag=from-1", "\r\n ;Tag=from-1", 1), "CSeq: 1 INVITE", "CSEQ: 1\r\n\tINVITE", 1), fresh},
		"folded To tag":   {strings.Replace(invite, "To: <sip:+15551230001@trunkline.test>", "To: <sip:+15551230001@trunkline.test>\r\n ;tag=x", 1), known},
		"bare line feeds": {strings.ReplaceAll(invite, "\r\n", "\n"), fresh},
		"no From tag":     {replace(";tag=from-1", "")(invite), broken},
		"no Via":          {replace("Via:", "X:")(invite), broken},
		"no To":           {replace("To:", "X:")(invite), broken},
		"no Call-ID":      {replace("Call-ID:", "X:")(invite), broken},
		"no CSeq":         {replace("CSeq:", "X:")(invite), broken},
		"other method":    {replace("CSeq: 1 INVITE", "CSeq: 1 BYE")(invite), broken},
		"version":         {replace("SIP/2.0", "SIP/7.0")(invite), broken},
		"in the body":     {replace("Via:", "X:")(invite) + "Via: x\r\n", broken},
		"junk":            {"hello\r\n\r\n", broken},
		"zeros":           {"\x00\x00\x00\x00", broken},
	} {
		if got := sniff([]byte(tc.raw)); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// FuzzSniff: what the parser and the screen let through is never held to be broken, and
// nothing makes the sniffing fail.
func FuzzSniff(f *testing.F) {
	p := &peer{transport: "udp", callID: "1@test", conn: fakeConn{}, contact: "sip:a@b"}
	good := p.request("INVITE", 1, "", testOffer)
	for _, tc := range malformed {
		f.Add([]byte(tc.edit(good)))
	}
	f.Add([]byte(strings.Replace(good, ";tag=from-1", "\r\n ;tag=from-1", 1)))
	f.Add([]byte(strings.Replace(good, "CSeq: 1 INVITE", "CSeq:\r\n 1\r\n INVITE", 1)))
	parser := newParser()
	f.Fuzz(func(t *testing.T, data []byte) {
		kind := sniff(data)
		msg, err := parser.ParseSIP(data)
		if err != nil {
			return
		}
		if req, ok := msg.(*sip.Request); ok && kind == broken && screenForm(req) == nil {
			t.Fatalf("a good request was held to be broken")
		}
	})
}
