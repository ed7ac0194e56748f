package media

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// SRTP is how a stream is encrypted (RFC 3711); the zero value is not at all. It does not
// print its keys.
type SRTP struct {
	// Suite is the registered name: "AES_CM_128_HMAC_SHA1_80" or _32, "AES_256_CM_HMAC_SHA1_80"
	// or _32, "AEAD_AES_128_GCM", "AEAD_AES_256_GCM".
	Suite string
	// Send and Receive are master key and master salt, one behind the other: what we
	// encrypt with, and what the far end does.
	Send, Receive string
}

// Format implements fmt.Formatter: the suite alone.
func (p SRTP) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "["+p.Suite+"]") }

// LogValue implements slog.LogValuer.
func (p SRTP) LogValue() slog.Value { return slog.StringValue(p.Suite) }

// profiles are the suites as the library calls them.
var profiles = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
	"AES_256_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
	"AES_256_CM_HMAC_SHA1_32": srtp.ProtectionProfileAes256CmHmacSha1_32,
	"AEAD_AES_128_GCM":        srtp.ProtectionProfileAeadAes128Gcm,
	"AEAD_AES_256_GCM":        srtp.ProtectionProfileAeadAes256Gcm,
}

const (
	// replayWindow is how many packets a late one may lie behind the newest (RFC 3711
	// §3.3.2 asks for 64 at least): 2.5 s, more than any reorder window.
	replayWindow = 128
	// maxTag is the most that encryption adds to an RTP packet.
	maxTag = 16
)

// shield is the SRTP of a session, in both directions. The zero value is plain RTP: it
// lets everything through. It is guarded by Session.mu and allocates nothing per packet.
//
//	sender ─► seal ─► write          key of ours: stays while its suite does
//	read   ─► open ─► latch, …       key of theirs: keyring
type shield struct {
	params SRTP          // in force
	send   *srtp.Context // nil: plain
	header *rtp.Header   // scratch, of both directions
	ring   keyring
}

// renewed is the shield after p was agreed on at time now. What stays the same keeps its
// packet counters. Errors are ErrParams, and do not name the key.
func (s shield) renewed(p SRTP, now time.Duration) (shield, error) {
	before := s.params
	s.params = p
	if p.Suite == "" {
		s.send = nil
		s.ring.close(now)
		return s, nil
	}
	if p.Suite != before.Suite || p.Send != before.Send {
		send, err := newContext(p.Suite, p.Send)
		if err != nil {
			return s, err
		}
		s.send = send
	}
	if s.header == nil {
		s.header = new(rtp.Header)
	}
	if p.Suite == before.Suite && p.Receive == before.Receive {
		s.ring.again(now)
		return s, nil
	}
	next, err := newOpener(p.Suite, p.Receive)
	if err != nil {
		return s, err
	}
	s.ring.turn(next, now)
	return s, nil
}

// newContext makes the library's state of one direction and key.
func newContext(suite, key string) (*srtp.Context, error) {
	profile, known := profiles[suite]
	if !known {
		return nil, fmt.Errorf("%w: SRTP suite %q is not known", ErrParams, suite)
	}
	n, err := profile.KeyLen()
	if err != nil || len(key) < n {
		return nil, fmt.Errorf("%w: SRTP key of %d bytes is too short for %s", ErrParams, len(key), suite)
	}
	c, err := srtp.CreateContext([]byte(key[:n]), []byte(key[n:]), profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil { // of lengths; it says no more
		return nil, fmt.Errorf("%w: SRTP key of %d bytes for %s: %w", ErrParams, len(key), suite, err)
	}
	return c, nil
}

// seal encrypts an RTP packet in place, which needs maxTag bytes of room behind it.
func (s *shield) seal(b []byte) ([]byte, error) {
	if s.send == nil {
		return b, nil
	}
	return s.send.EncryptRTP(b, b, s.header)
}

// writeLocked is what the sender writes to.
func (s *Session) writeLocked(b []byte, to netip.AddrPort) error {
	b, err := s.shield.seal(b)
	if err != nil {
		return err
	}
	return s.link.write(b, to)
}

// shieldLocked puts keys in force.
func (s *Session) shieldLocked(next shield) {
	if next.send != nil && next.send != s.shield.send {
		s.out.renumber()
	}
	s.shield = next
	s.stats.SRTP = next.params.Suite
}

// renumber prepares the stream for a new key. Each end counts the turns of the sequence
// number for itself, from zero with the key: a turn that comes soon may pass between the
// packets of ours that got lost, and then they never agree again (RFC 3711 §3.3.1). A
// sequence number that is free to begin anew is one of another source.
func (o *sender) renumber() {
	if o.seq >= firstSeqs {
		o.ssrc, o.seq = rand.Uint32(), firstSeq()
	}
}

// firstSeqs is the half of the sequence numbers that a stream begins in.
const firstSeqs = 1 << 15

func firstSeq() uint16 { return uint16(rand.Uint32N(firstSeqs)) }
