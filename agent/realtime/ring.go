package realtime

// ring is a queue of bytes that grows up to a limit and then forgets its oldest bytes. The zero value is empty.
//
//	        start          start+n
//	buf  ─────┴▓▓▓▓▓▓▓▓▓▓▓▓▓▓┴─────   (wraps around)
type ring struct {
	buf   []byte
	start int
	n     int
}

// firstRing holds 100 ms of G.711: a writer that keeps up never needs more.
const firstRing = 1024

// push appends p and returns how many of the oldest bytes it dropped to stay within limit: a multiple of unit, so that no
// sample is cut in two. limit must be at least unit.
func (r *ring) push(p []byte, limit, unit int) (dropped int) {
	if over := r.n + len(p) - limit; over > 0 {
		dropped = min((over+unit-1)/unit*unit, r.n+len(p))
		old := min(dropped, r.n)
		r.discard(old)
		p = p[dropped-old:]
	}
	r.reserve(r.n+len(p), limit)
	end := (r.start + r.n) % max(1, len(r.buf))
	first := copy(r.buf[end:], p)
	copy(r.buf, p[first:])
	r.n += len(p)
	return dropped
}

// reserve makes room for n bytes.
func (r *ring) reserve(n, limit int) {
	if n <= len(r.buf) {
		return
	}
	size := max(firstRing, 2*len(r.buf), n)
	bigger := ring{buf: make([]byte, min(size, max(limit, n)))}
	bigger.n = len(r.pop(bigger.buf[:0], r.n))
	*r = bigger
}

// pop moves up to most bytes to the end of dst.
func (r *ring) pop(dst []byte, most int) []byte {
	most = min(most, r.n)
	first := min(most, len(r.buf)-r.start)
	dst = append(dst, r.buf[r.start:r.start+first]...)
	dst = append(dst, r.buf[:most-first]...)
	r.discard(most)
	return dst
}

func (r *ring) discard(n int) {
	r.n -= n
	r.start += n
	if r.start >= len(r.buf) && len(r.buf) > 0 {
		r.start -= len(r.buf)
	}
	if r.n == 0 {
		r.start = 0
	}
}
