package store

import (
	"context"
	"errors"
	"time"
)

// outcome is what came of a job. With an error the whole job is repeated, so only a job that went through counts what
// it refused.
type outcome struct {
	err     error
	dropped map[DropReason]int
	detail  error // the last refusal

	forgetful bool   // the sink is [Forgetful]
	epoch     uint64 // its epoch after the job
}

// send is the sender goroutine: the only one that calls the backend. It ends when jobs is closed.
func (w *Writer) send(jobs <-chan *job, results chan<- outcome) {
	forgetful, _ := w.sink.(Forgetful)
	for j := range jobs {
		o := outcome{dropped: map[DropReason]int{}, forgetful: forgetful != nil}
		switch {
		case j.probe:
			o.err = w.alone("ping", func(ctx context.Context, _ Sink) error { return forgetful.Ping(ctx) })
		case j.renew != nil:
			o.err = w.renewAll(j.renew)
		default:
			o.err = w.writeAll(j, &o)
		}
		if forgetful != nil {
			o.epoch = forgetful.Epoch()
		}
		results <- o
	}
}

// through does one thing with the backend, in some way: by itself, or as a part of a batch.
type through func(op string, do func(context.Context, Sink) error) error

// alone calls the backend once, for at most Timeout.
func (w *Writer) alone(op string, do func(context.Context, Sink) error) error {
	ctx, cancel := context.WithTimeout(w.ctx, w.cfg.Timeout)
	defer cancel()
	start := time.Now()
	err := do(ctx, w.sink)
	w.cfg.Observe(op, time.Since(start), err)
	return err
}

// renewAll extends the leases. A call that the backend lost (it restarted empty) is begun again.
func (w *Writer) renewAll(ids []string) error {
	for _, id := range ids {
		err := w.alone("renew", func(ctx context.Context, s Sink) error { return s.Renew(ctx, id, w.cfg.Lease) })
		if c := w.liveCall(id); c != nil && errors.Is(err, ErrNotFound) {
			err = begin(w.alone, c)
		}
		if err != nil && !Permanent(err) {
			return err
		}
	}
	return nil
}

// writeAll writes the records of a job, in one batch where the backend can do that.
func (w *Writer) writeAll(j *job, o *outcome) error {
	b, ok := w.sink.(Batcher)
	if !ok {
		return w.writeThrough(w.alone, j, o)
	}
	return w.alone("batch", func(ctx context.Context, _ Sink) error {
		return b.Batch(ctx, func(s Sink) error {
			return w.writeThrough(func(_ string, do func(context.Context, Sink) error) error { return do(ctx, s) }, j, o)
		})
	})
}

// writeThrough writes the records call by call.
func (w *Writer) writeThrough(way through, j *job, o *outcome) error {
	for _, group := range byCall(j.records) {
		if err := writeCall(way, group, w.known(group, j.replay), o); err != nil {
			return err
		}
	}
	return nil
}

// byCall sorts records into one group a call, each in order. Between calls order does not matter.
func byCall(records []record) [][]record {
	var groups [][]record
	at := map[string]int{}
	for _, r := range records {
		i, seen := at[r.callID]
		if !seen {
			i = len(groups)
			at[r.callID] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// known is the record with which a call that the backend does not know may be begun again: that of a call which runs in
// this process or ends with this very group. A spooled end is no ground: the call may have been deleted since.
func (w *Writer) known(group []record, replay bool) *Call {
	last := group[len(group)-1]
	if last.op == opFinish && !replay && last.call.Validate() == nil {
		return last.call
	}
	return w.liveCall(last.callID)
}

// writeCall writes the records of one call, neighbouring entries together.
func writeCall(way through, group []record, known *Call, o *outcome) error {
	for len(group) > 0 {
		n := 1
		var err error
		switch r := group[0]; r.op {
		case opBegin:
			err = begin(way, r.call)
		case opFinish:
			err = reviving(way, known, "finish", func(ctx context.Context, s Sink) error { return s.Finish(ctx, *r.call) })
		default:
			entries := leading(group)
			n = len(entries)
			err = reviving(way, known, "append", func(ctx context.Context, s Sink) error { return s.Append(ctx, r.callID, entries...) })
		}
		if err := o.judge(err, n); err != nil {
			return err
		}
		group = group[n:]
	}
	return nil
}

// leading are the entries at the head of the group.
func leading(group []record) []Entry {
	var entries []Entry
	for _, r := range group {
		if r.op != opEntry {
			break
		}
		entries = append(entries, r.entry)
	}
	return entries
}

// judge sorts an error: a permanent one drops its n records, any other is returned.
func (o *outcome) judge(err error, n int) error {
	if err == nil || !Permanent(err) {
		return err
	}
	why := DropInvalid
	var conflict *Conflict
	switch {
	case errors.Is(err, ErrNotFound):
		why = DropUnknownCall
	case errors.As(err, &conflict):
		why, n = DropConflict, len(conflict.IDs)
	}
	o.dropped[why] += n
	o.detail = err
	return nil
}

func begin(way through, c *Call) error {
	return way("begin", func(ctx context.Context, s Sink) error { return s.Begin(ctx, *c) })
}

// reviving tries do again after beginning a known call anew when the backend does not have it.
func reviving(way through, known *Call, op string, do func(context.Context, Sink) error) error {
	err := way(op, do)
	if known == nil || !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := begin(way, known); err != nil {
		return err
	}
	return way(op, do)
}
