package telephony

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// alphabet is in ASCII order and has no letters that look like digits, so that ids sort
// by time and can be read out over the phone.
var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID names a call: 48 bits of milliseconds, 72 random ones, 24 characters. Ids of
// one machine sort by start to the millisecond.
func newID(t time.Time) string {
	var b [15]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(b[:6], ms[2:])
	_, _ = rand.Read(b[6:]) // never fails since Go 1.24
	return alphabet.EncodeToString(b[:])
}
