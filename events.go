package trunkline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/outbox"
	"github.com/trunkline/trunkline/tools"
)

// cdrReceiver is the name under which the file of call detail records has its place in the events. No webhook can have
// it: names in the configuration begin with a letter or digit.
const cdrReceiver = "_cdr"

// couriers are those of all receivers of the configuration.
func couriers(cfg *configs.Events, source outbox.Source, node string, observe func(receiver, outcome string), log *slog.Logger) ([]*outbox.Courier, error) {
	var all []*outbox.Courier
	for i := range cfg.Webhooks {
		h := &cfg.Webhooks[i]
		sign, err := tools.SignWebhook(h.Secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("events.webhooks[%s].secret: %w", h.Name, err)
		}
		hook := outbox.Webhook{URL: h.URL.Reveal(), Timeout: h.Timeout.Std(), Sign: sign, Source: "trunkline/" + node}
		all = append(all, &outbox.Courier{Name: tagOf(h.Name), Node: tagOf(node), Source: source, Deliver: hook.Deliver(), Types: h.Types,
			Attempts: h.Attempts, Log: log, Observe: observe})
	}
	if cfg.CDR != "" {
		file := outbox.CDR{Path: cfg.CDR, Bytes: int64(cfg.CDRBytes), Files: cfg.CDRFiles}
		all = append(all, &outbox.Courier{Name: cdrReceiver, Node: tagOf(node), Source: source, Deliver: file.Deliver(), Types: file.Types(),
			Attempts: 1 << 30, Log: log, Observe: observe}) // a disk that is full becomes free again
	}
	return all, nil
}

// deliver runs couriers until ctx is done.
func deliver(ctx context.Context, all []*outbox.Courier) {
	var crew sync.WaitGroup
	for _, c := range all {
		crew.Go(func() { c.Run(ctx) })
	}
	crew.Wait()
}

// lastRound is how long receivers may take for what the end of a service brought; what is left is told by the next one.
const lastRound = 3 * time.Second

// lastEvents tells receivers of the calls that ended last.
func lastEvents(all []*outbox.Courier) {
	ctx, cancel := context.WithTimeout(context.Background(), lastRound)
	defer cancel()
	var crew sync.WaitGroup
	for _, c := range all {
		crew.Go(func() { c.Finish(ctx) })
	}
	crew.Wait()
}

// tagOf is a name as the store has it for groups and consumers. Names of the configuration differ by more than case and
// punctuation.
func tagOf(name string) string {
	tag := strings.Map(func(r rune) rune {
		if store.ValidTag(string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return tag[:min(len(tag), store.MaxTagBytes)]
}
