package trunkline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/outbox"
	"github.com/trunkline/trunkline/tools"
)

// cdrReceiver is the name under which the file of call detail records has its place in the events. No webhook can have
// it: names begin with a letter or digit.
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
		all = append(all, &outbox.Courier{Name: h.Name, Node: node, Source: source, Deliver: hook.Deliver(), Types: h.Types,
			Attempts: h.Attempts, Log: log, Observe: observe})
	}
	if cfg.CDR != "" {
		file := outbox.CDR{Path: cfg.CDR, Bytes: int64(cfg.CDRBytes), Files: cfg.CDRFiles}
		all = append(all, &outbox.Courier{Name: cdrReceiver, Node: node, Source: source, Deliver: file.Deliver(), Types: file.Types(),
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
