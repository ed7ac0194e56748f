package redisstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
)

// fail words an error of go-redis: what was tried, at which server, and the verdict that callers can ask for. The
// password is in none of the messages of the server.
func (s *Store) fail(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	switch {
	case timedOut(ctx, err):
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	case errors.Is(err, redis.ErrClosed):
		err = store.ErrClosed
	case denied(err):
		err = fmt.Errorf("%w: check user, password and rights in the redis url: %w", store.ErrDenied, err)
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		err = fmt.Errorf("%w: something else uses this key: %w", store.ErrInvalid, err)
	case tlsRemedy(err) != "":
		err = fmt.Errorf("%s: %w", tlsRemedy(err), err)
	}
	if !store.Permanent(err) && !errors.Is(err, store.ErrClosed) {
		s.lookAgain(ctx)
	}
	return fmt.Errorf("%s in redis at %s: %w", doing, s.addr, err)
}

// timedOut reports whether err is the socket's way of saying that the deadline of ctx has passed, which it may do a
// moment before the context does.
func timedOut(ctx context.Context, err error) bool {
	deadline, ok := ctx.Deadline()
	return ok && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(deadline)
}

// denied reports whether the server refused us: wrong or missing password, or an ACL.
func denied(err error) bool {
	for _, prefix := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// outOfOrder reports the answer to XADD with an id that is not after the last one.
func outOfOrder(err error) bool {
	return err != nil && strings.Contains(err.Error(), "equal or smaller")
}

// firstError is the first failure of a pipeline that is not among those to pass over. A broken connection leaves its
// error on every command.
func firstError(cmds []redis.Cmder, pass func(error) bool) error {
	for _, c := range cmds {
		if err := c.Err(); err != nil && (pass == nil || !pass(err)) {
			return err
		}
	}
	return nil
}
