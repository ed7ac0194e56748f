package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// Record implements [store.Auditor]. Each entry lets go of those whose time is over.
func (s *Store) Record(ctx context.Context, a store.Audit) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	now := time.Now()
	if a.At.IsZero() {
		a.At = now
	}
	err := s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.audit(), Approx: true,
		MinID: strconv.FormatInt(now.Add(-store.AuditKept).UnixMilli(), 10), Values: pairs(a.Fields())}).Err()
	return s.fail(ctx, "record who did what", err)
}

// Audits implements [store.Auditor]. Those of one call are picked from all: there are few, and they are seldom asked for.
func (s *Store) Audits(ctx context.Context, call, before string, n int) ([]store.Audit, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if _, err := store.ParseAfter(before); err != nil {
		return nil, err
	}
	end := "+"
	if before != "" {
		end = "(" + before
	}
	var found []store.Audit
	for len(found) < n {
		messages, err := s.client.XRevRangeN(ctx, s.keys.audit(), end, "-", chunkSize).Result()
		if err != nil {
			return nil, s.fail(ctx, "read who did what", err)
		}
		for _, m := range messages {
			if a := store.DecodeAudit(m.ID, textsOf(m)); len(found) < n && (call == "" || a.Call == call) {
				found = append(found, a)
			}
		}
		if len(messages) < chunkSize {
			break
		}
		end = "(" + messages[len(messages)-1].ID
	}
	return found, nil
}
