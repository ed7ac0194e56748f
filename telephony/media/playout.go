package media

import (
	"slices"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

// PlayStatus is what became of one item's audio. All counts are law bytes of the
// item itself: 8 to a millisecond, padding never included.
type PlayStatus struct {
	Received int       // accepted by Play
	Sent     int       // written to the network in RTP
	Queued   int       // waiting; Received - Sent - Queued was flushed, or failed to send
	First    time.Time // when the first frame was written, zero before
}

const (
	// rememberedItems is how many finished ids Status still knows.
	rememberedItems = 64
	// maxQueuedItems bounds the pieces of audio in the queue, whatever their size.
	maxQueuedItems = 1024
)

// playout is the queue of what is to be said: bytes in a ring, and beside it the
// row of ids that they belong to.
//
//	segments  | id 7: 320 | id 8: 4000   | id 9: 90 (open) |
//	ring      |■■■■■■■■■■■|■■■■■■■■■■■■■■|■■■■             |
//	            └ one frame never holds two ids: the last of 7 is padded
type playout struct {
	law   transcode.Law
	frame int // bytes of one outgoing frame
	queue ring
	items []*item   // by age; the last rememberedItems finished ones, and all queued
	segs  []segment // by age; segs[0] is being played
}

// item is the account of one id.
type item struct {
	id uint64
	PlayStatus
	ended bool // End was called
}

// segment is a run of bytes of one item in the ring.
type segment struct {
	item *item
	n    int
}

// play queues audio for id and returns how many bytes were accepted.
func (q *playout) play(id uint64, audio []byte) int {
	if len(audio) == 0 {
		return 0
	}
	last := len(q.segs) - 1
	fresh := last < 0 || q.segs[last].item.id != id
	if fresh && len(q.segs) >= maxQueuedItems {
		return 0
	}
	n := q.queue.push(audio)
	if n == 0 {
		return 0
	}
	if fresh {
		q.segs = append(q.segs, segment{item: q.open(id)})
		last++
	}
	it := q.segs[last].item
	q.segs[last].n += n
	it.Received += n
	it.Queued += n
	it.ended = false
	return n
}

// end says that id is complete: a remainder shorter than a frame may go.
func (q *playout) end(id uint64) {
	if it := q.find(id); it != nil {
		it.ended = true
	}
}

// ready reports whether a frame can be made now.
func (q *playout) ready() bool {
	if len(q.segs) == 0 {
		return false
	}
	s := q.segs[0]
	return s.n >= q.frame || s.item.ended || len(q.segs) > 1
}

// starved reports that an item has begun, is not complete, and has no frame left.
func (q *playout) starved(last *item) bool {
	return last != nil && !last.ended && !q.ready()
}

// next fills dst, one frame, from the oldest item and returns whose it is and how
// many bytes are its own; the rest is silence. It must be ready.
func (q *playout) next(dst []byte) (it *item, n int) {
	s := &q.segs[0]
	it, n = s.item, min(s.n, len(dst))
	q.queue.pop(dst[:n])
	copy(dst[n:], silenceOf(q.law))
	s.n -= n
	it.Queued -= n
	if s.n == 0 {
		q.segs = append(q.segs[:0], q.segs[1:]...)
	}
	return it, n
}

// flush takes back all that is queued and returns how many bytes that were.
func (q *playout) flush() int {
	n := q.queue.n
	for _, s := range q.segs {
		s.item.Queued -= s.n
		s.item.ended = true
	}
	clear(q.segs)
	q.segs = q.segs[:0]
	q.queue.clear()
	return n
}

// open finds or makes the account of id. When there are too many, it takes the
// place of the one finished longest ago.
func (q *playout) open(id uint64) *item {
	if it := q.find(id); it != nil {
		return it
	}
	it := &item{}
	if len(q.items) >= rememberedItems {
		if i := slices.IndexFunc(q.items, func(it *item) bool { return it.Queued == 0 }); i >= 0 {
			it = q.items[i]
			q.items = slices.Delete(q.items, i, i+1)
		}
	}
	*it = item{id: id}
	q.items = append(q.items, it)
	return it
}

// find looks from the newest, which is nearly always the one meant.
func (q *playout) find(id uint64) *item {
	for i := len(q.items) - 1; i >= 0; i-- {
		if q.items[i].id == id {
			return q.items[i]
		}
	}
	return nil
}
