package media

// ring is a queue of bytes that grows by doubling up to a limit, and lets go of a
// large buffer once it is empty: a 60 s answer must not cost its half megabyte
// for the rest of the call.
type ring struct {
	limit int // static; bytes
	buf   []byte
	head  int
	n     int
}

const (
	ringStart = 4 << 10  // half a second
	ringKeep  = 64 << 10 // a 5 s answer in a power of two
)

// push copies in as much of b as the limit allows and returns how much that was.
func (r *ring) push(b []byte) int {
	b = b[:min(len(b), r.limit-r.n)]
	if need := r.n + len(b); need > len(r.buf) {
		r.grow(need)
	}
	tail := (r.head + r.n) % max(1, len(r.buf))
	copied := copy(r.buf[tail:], b)
	copy(r.buf, b[copied:])
	r.n += len(b)
	return len(b)
}

// pop copies the oldest bytes into dst; there must be enough.
func (r *ring) pop(dst []byte) {
	copied := copy(dst, r.buf[r.head:])
	copy(dst[copied:], r.buf)
	r.n -= len(dst)
	r.head = (r.head + len(dst)) % max(1, len(r.buf))
	if r.n == 0 {
		r.clear()
	}
}

func (r *ring) clear() {
	r.head, r.n = 0, 0
	if len(r.buf) > ringKeep {
		r.buf = nil
	}
}

func (r *ring) grow(need int) {
	size := max(ringStart, len(r.buf))
	for size < need {
		size *= 2
	}
	buf := make([]byte, min(size, r.limit))
	copied := copy(buf, r.buf[r.head:min(len(r.buf), r.head+r.n)])
	copy(buf[copied:], r.buf[:r.n-copied])
	r.buf, r.head = buf, 0
}
