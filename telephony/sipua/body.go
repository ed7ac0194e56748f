package sipua

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxParts bounds the walk through a multipart body.
const maxParts = 8

// offerOf finds the session description of a message: its body, or the first such part
// of a multipart body (RFC 5621; carriers put ISUP or location beside it). It returns
// nil for a message without a body, and false for a body of another kind.
func offerOf(msg sip.Message) ([]byte, bool) {
	body := msg.Body()
	if len(body) == 0 {
		return nil, true
	}
	for _, encoding := range headerValues(msg, "content-encoding", "e") {
		if !strings.EqualFold(encoding, "identity") {
			return nil, false
		}
	}
	types := headerValues(msg, "content-type", "")
	if len(types) == 0 {
		return nil, false
	}
	kind, params, err := mime.ParseMediaType(types[0])
	switch {
	case err != nil:
		return nil, false
	case kind == "application/sdp":
		return bytes.Clone(body), true
	case strings.HasPrefix(kind, "multipart/"):
		return offerPart(body, params["boundary"])
	}
	return nil, false
}

func offerPart(body []byte, boundary string) ([]byte, bool) {
	if boundary == "" {
		return nil, false
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for range maxParts {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, false
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind == "application/sdp" {
			offer, err := io.ReadAll(part)
			return offer, err == nil
		}
	}
	return nil, false
}
