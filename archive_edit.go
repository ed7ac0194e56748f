package trunkline

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/share"
)

// Editor reads transcripts and deletes them.
type Editor interface {
	store.Reader
	// Delete removes a call with all that belongs to it.
	Delete(ctx context.Context, id string) error
}

// OpenEditor is [OpenReader] for those who also delete. An embedded file that a running service holds is edited by that
// service. Errors: fs.ErrNotExist when there is no such file.
func OpenEditor(ctx context.Context, cfg *configs.Config, log *slog.Logger) (Editor, func() error, error) {
	if cfg.Store.Redis == nil {
		if c, err := share.Open(ctx, cfg.Store.Path); err == nil {
			return c, c.Close, nil
		}
		if _, err := os.Stat(cfg.Store.Path); err != nil { // opening it would make it
			return nil, nil, fmt.Errorf("open transcripts: %w", err)
		}
	}
	sound, err := openSound(&cfg.Recordings, log)
	if err != nil {
		return nil, nil, err
	}
	s, err := openStore(cfg, log)
	if err != nil {
		return nil, nil, fmt.Errorf("open transcripts: %w", err)
	}
	return supervised{s, sound}, s.Close, nil
}
