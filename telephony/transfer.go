package telephony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/trunkline/trunkline/telephony/sipua"
)

// TransferError says why a transfer failed: the far end refused it, or reported that the
// call to the target failed.
type TransferError = sipua.TransferError

// Errors of Transfer, besides *TransferError.
var (
	ErrTransferNotAllowed = errors.New("target is not on the trunk's list of transfers")
	ErrTransferTarget     = errors.New("target is neither a number nor a sip, sips or tel URI")
	ErrTransferTimeout    = sipua.ErrNoReport // the far end took it, and then said nothing
)

const (
	// transferBye is how long the far end has to hang up after a transfer; then we do.
	transferBye = 2 * time.Second
	// byeTimeout bounds the wait for the answer to our BYE after a transfer.
	byeTimeout = 5 * time.Second
)

// Transfer sends the caller elsewhere (blind transfer, RFC 5589 §6.1) and waits for what
// comes of it. target is a telephone number, which the trunk will know how to reach, or
// a sip, sips or tel URI; Trunk.Transfers must allow it as it is written.
//
// It returns nil when the far end reports success. The call is over then: Ended is by
// Agent, "transferred". Otherwise the call goes on with the agent, and the error is
// ErrTransferNotAllowed, ErrTransferTarget, ErrState (not answered, or another transfer
// is under way), a *TransferError, ErrTransferTimeout when no report came in time
// (Limits.TransferReport; 3 minutes from one report to the next), or the cause of ctx.
// It is the *Ended if the call ended meanwhile.
func (c *Call) Transfer(ctx context.Context, target string) error {
	uri, err := c.transferURI(target)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
	log := c.log.With("to", maskTarget(target))
	log.Info("transfer")
	if err := c.dialog.Refer(waiting, uri, c.server.cfg.Limits.TransferReport); err != nil {
		logTransferFailure(log, err)
		return c.explain("transfer", err)
	}
	c.leave(ctx)
	return nil
}

// logTransferFailure leaves out what the far end wrote: it may name somebody.
func logTransferFailure(log *slog.Logger, err error) {
	var failed *TransferError
	if errors.As(err, &failed) {
		log.Info("transfer failed", "status", failed.Status)
		return
	}
	log.Info("transfer failed", "err", err)
}

// leave ends a call whose caller is in other hands now. The far end usually hangs up by
// itself; doing so before it may cut the transfer off at some exchanges.
func (c *Call) leave(ctx context.Context) {
	limit := time.NewTimer(transferBye)
	defer limit.Stop()
	select {
	case <-c.ctx.Done():
	case <-ctx.Done():
	case <-limit.C:
	}
	reason := c.end(endedByTransfer()).reason()
	bye, cancel := context.WithTimeout(context.Background(), byeTimeout)
	defer cancel()
	if err := c.dialog.Bye(bye, reason); err != nil {
		c.log.Debug("BYE after the transfer was not confirmed", "err", err)
	}
}

// transferURI is target as it goes into the REFER.
func (c *Call) transferURI(target string) (string, error) {
	number := isNumber(target)
	if !number && !sipua.IsTarget(target) {
		return "", fmt.Errorf("transfer: %w", ErrTransferTarget) // and not a word of it: it may be anything
	}
	if !c.trunk.allowsTransfer(target) {
		return "", fmt.Errorf("transfer to %s: %w", maskTarget(target), ErrTransferNotAllowed)
	}
	if number {
		return c.dialog.PeerURI(target), nil
	}
	return target, nil
}

// allowsTransfer reports whether target is on the trunk's list.
func (t *Trunk) allowsTransfer(target string) bool {
	return allows(t.Transfers, target)
}

// allows reports whether target is on a list of targets and beginnings of them.
func allows(list []string, target string) bool {
	for _, pattern := range list {
		beginning, open := strings.CutSuffix(pattern, "*")
		if target == pattern || open && strings.HasPrefix(target, beginning) {
			return true
		}
	}
	return false
}

// maskTarget hides who is called but for the last digits of a number, for the log.
func maskTarget(target string) string {
	scheme, rest, uri := strings.Cut(target, ":")
	if !uri {
		return mask(target)
	}
	rest, _, _ = strings.Cut(rest, ";")
	user, host, has := strings.Cut(rest, "@")
	if !has {
		return scheme + ":" + mask(user)
	}
	return scheme + ":" + mask(user) + "@" + host
}
