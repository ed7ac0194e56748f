package sipua

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"
)

// nonceLife is how long a nonce may be used. Later ones get stale=true, which costs an
// honest peer one round trip.
const nonceLife = time.Minute

// maxNonces bounds the nonces whose use is remembered. Only the right password enters
// one, so a stranger cannot fill the table.
const maxNonces = 4096

// nonces makes and checks nonces without keeping those it made:
//
//	0        8        16               32
//	├── time ┼ random ┼── HMAC-SHA-256 ─┤   base64
//
// The HMAC is over the two before it, the peer and the source address, under a secret of
// this process. What was used is remembered until it is too old to be used again.
type nonces struct {
	secret [32]byte // static
	limit  int      // static: entries in used

	mu    sync.Mutex
	used  map[nonceID]uint32 // highest nonce count seen
	order []nonceID          // keys of used, in the order of their first use
	floor time.Time          // nonces issued until then and not in used are refused
}

type nonceID [16]byte

func newNonces() *nonces {
	n := &nonces{limit: maxNonces, used: make(map[nonceID]uint32)}
	_, _ = rand.Read(n.secret[:]) // never fails since Go 1.24
	return n
}

// issue makes a nonce for a peer at an address.
func (n *nonces) issue(peer string, src netip.Addr) string {
	var raw [32]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(time.Now().UnixMicro()))
	_, _ = rand.Read(raw[8:16])
	copy(raw[16:], n.mac(nonceID(raw[:16]), peer, src))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (n *nonces) mac(id nonceID, peer string, src netip.Addr) []byte {
	mac := hmac.New(sha256.New, n.secret[:])
	mac.Write(id[:])
	a := src.Unmap().As16()
	mac.Write(a[:])
	mac.Write([]byte(peer))
	return mac.Sum(nil)[:16]
}

func (id nonceID) issued() time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(id[:8])))
}

// genuine reports whether we made a nonce for this peer and address, however long ago.
func (n *nonces) genuine(nonce, peer string, src netip.Addr) (nonceID, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 32 {
		return nonceID{}, false
	}
	id := nonceID(raw[:16])
	return id, hmac.Equal(raw[16:], n.mac(id, peer, src))
}

// fresh reports whether a genuine nonce may still be used.
func (n *nonces) fresh(id nonceID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.freshLocked(id)
}

func (n *nonces) freshLocked(id nonceID) bool {
	_, seen := n.used[id]
	age := time.Since(id.issued())
	return age < nonceLife && age > -nonceLife && (seen || id.issued().After(n.floor))
}

// use takes a nonce count, which must be higher than every one before; false is a replay.
// A full table forgets its oldest nonce and refuses all that were issued before it, so
// what is forgotten cannot be replayed.
func (n *nonces) use(id nonceID, count uint32) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if count == 0 || count <= n.used[id] || !n.freshLocked(id) {
		return false
	}
	if _, seen := n.used[id]; !seen {
		n.makeRoomLocked()
		n.order = append(n.order, id)
	}
	n.used[id] = count
	return true
}

func (n *nonces) makeRoomLocked() {
	for len(n.order) > 0 && (len(n.order) >= n.limit || time.Since(n.order[0].issued()) >= nonceLife) {
		oldest := n.order[0]
		if oldest.issued().After(n.floor) {
			n.floor = oldest.issued()
		}
		delete(n.used, oldest)
		n.order = n.order[1:]
	}
}
