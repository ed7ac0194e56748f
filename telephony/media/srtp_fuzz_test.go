package media

import (
	"testing"
	"time"
)

// FuzzUnprotect feeds an encrypted session any row of datagrams, each
//
//	| length (1) | ms since the last (1) | the datagram |
//
// among packets of the phone, and renews the keys and the agreement on the way. It must
// not panic, and takes no packet but the phone's.
func FuzzUnprotect(f *testing.F) {
	for i, suite := range suites {
		c := contextOf(suite, 2)
		var row []byte
		for seq := range uint16(5) {
			p, _ := c.EncryptRTP(nil, rtpBytes(0, seq, uint32(seq)*160, 1, voice(1, 20)), nil)
			p[20+i] ^= 1
			row = append(append(row, byte(len(p)), 20), p...)
			row = append(row, 14, 255, 0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xC0, 0xDE)
		}
		f.Add(byte(i), row)
	}
	f.Add(byte(0), append([]byte{200, 251}, rtpBytes(200, 1, 2, 3, voice(1, 188))...))
	f.Fuzz(func(t *testing.T, which byte, in []byte) {
		suite := suites[int(which)%len(suites)]
		s := stillShield(suite, func([]byte) {})
		phone, key, now := contextOf(suite, 2), byte(2), s.armedAt
		var genuine uint64
		for i := uint16(0); len(in) > 2; i++ {
			n := min(int(in[0]), len(in)-2)
			now += time.Duration(in[1]) * time.Millisecond
			s.receive(in[2:2+n], phoneAddr, now)
			_, _ = s.shield.openRTCP(in[2:2+n], now)
			if change := in[1]; change >= 250 {
				if change >= 253 {
					key++
					phone = contextOf(suite, key)
				}
				next, err := s.shield.renewed(keys(suite, key), now)
				if err != nil {
					t.Fatal(err)
				}
				s.shieldLocked(next)
			}
			p, _ := phone.EncryptRTP(nil, rtpBytes(0, i, uint32(i)*160, 1, voice(1, 160)), nil)
			s.receive(p, phoneAddr, now)
			genuine++
			in = in[2+n:]
		}
		if st := s.Stats(); st.PacketsIn > genuine || genuine > 2 && st.PacketsIn != genuine {
			t.Fatalf("%d packets taken of %d: %+v", st.PacketsIn, genuine, st)
		}
	})
}
