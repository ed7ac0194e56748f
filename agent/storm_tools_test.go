package agent

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/tools"
)

// bank is where the storms' tools do their work. It counts every effect at the moment when it happens.
type bank struct {
	registry *tools.Registry
	seed     uint64

	mu     sync.Mutex
	visits []*visit // by their number
}

// visit is one run of a handler: one effect.
type visit struct {
	number       int
	tool, n      string
	callID, key  string // of the function call, and the idempotency key
	began, ended time.Time
	expired      time.Time // its context ended; zero: not before the handler
	succeeded    bool
}

// letGo is when nobody waited for the handler any more: a moment of grace behind the end of its context.
func (v *visit) letGo() time.Time {
	if late := v.expired.Add(100 * time.Millisecond); !v.expired.IsZero() && late.Before(v.ended) {
		return late
	}
	return v.ended
}

// bankTool is a policy under which the same work is done.
type bankTool struct {
	name    string
	acts    bool // it changes the world
	shares  bool // the same call again may get the same outcome
	once    bool
	rejects bool
	waits   bool // for the end of the turn
	later   bool // answers at once
	opts    []tools.Option
}

const bankTimeout = 3 * time.Second

var finish = tools.OnInterrupt(tools.Finish)

var bankPolicies = []bankTool{
	{name: "look"},
	{name: "act", acts: true, opts: []tools.Option{finish}},
	{name: "alone", acts: true, opts: []tools.Option{finish, tools.Concurrency(1)}},
	{name: "join", acts: true, shares: true, opts: []tools.Option{finish, tools.OnDuplicate(tools.Join)}},
	{name: "reject", acts: true, rejects: true, opts: []tools.Option{finish, tools.OnDuplicate(tools.Reject)}},
	{name: "once", acts: true, shares: true, once: true, opts: []tools.Option{finish, tools.Once()}},
	{name: "later", acts: true, later: true, opts: []tools.Option{tools.Background()}},
	{name: "later_once", acts: true, shares: true, once: true, later: true, opts: []tools.Option{tools.Background(), tools.Once()}},
	{name: "after", acts: true, waits: true, opts: []tools.Option{finish, tools.AfterTurn()}},
	{name: "after_once", acts: true, shares: true, once: true, waits: true, opts: []tools.Option{finish, tools.AfterTurn(), tools.Once()}},
	{name: "after_later", acts: true, later: true, waits: true, opts: []tools.Option{tools.Background(), tools.AfterTurn()}},
}

var (
	bankTools  []string
	policyOf   = map[string]bankTool{}
	errNoFunds = errors.New("no funds")
)

func init() {
	for _, p := range bankPolicies {
		bankTools = append(bankTools, p.name)
		policyOf[p.name] = p
	}
}

type deed struct {
	N string `json:"n"`
}

func newBank(t *testing.T, seed uint64) *bank {
	b := &bank{registry: tools.NewRegistry(), seed: seed}
	for _, p := range bankPolicies {
		opts := append([]tools.Option{tools.Timeout(bankTimeout), tools.SayOnFailure("That did not work.")}, p.opts...)
		err := tools.Add(b.registry, p.name, "", func(ctx context.Context, c *tools.Call, in deed) (string, error) {
			return b.work(ctx, p.name, c, in.N)
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// work is one effect. What becomes of it depends on the function call alone.
func (b *bank) work(ctx context.Context, tool string, c *tools.Call, n string) (text string, err error) {
	v := b.enter(tool, c, n)
	stop := context.AfterFunc(ctx, func() { b.mu.Lock(); v.expired = time.Now(); b.mu.Unlock() })
	defer stop()
	defer func() {
		b.mu.Lock()
		v.ended, v.succeeded = time.Now(), err == nil && text != ""
		b.mu.Unlock()
	}()
	luck := b.luck(c.CallID)
	took := time.Duration(luck>>8%4000)*time.Millisecond + time.Duration(luck>>24%1000)
	patience := ctx.Done()
	fate := luck % 100
	if fate >= 94 {
		patience = nil // deaf to the end of its context
	}
	if fate >= 90 && fate < 94 {
		took = time.Hour
	}
	select {
	case <-time.After(took):
	case <-patience:
		return "", ctx.Err()
	}
	switch {
	case fate >= 82 && fate < 90:
		panic("the bank is on fire")
	case fate >= 74 && fate < 82:
		return "", tools.Tell("the account is closed")
	case fate >= 66 && fate < 74:
		return "", errNoFunds
	}
	return fmt.Sprintf("done #%d.", v.number), nil
}

func (b *bank) enter(tool string, c *tools.Call, n string) *visit {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := &visit{number: len(b.visits), tool: tool, n: n, callID: c.CallID, key: c.Invocation, began: time.Now()}
	b.visits = append(b.visits, v)
	return v
}

func (b *bank) luck(callID string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, b.seed, " ", callID)
	return h.Sum64() * 0x9E3779B97F4A7C15 >> 16
}
