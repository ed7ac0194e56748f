package trunkline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// models remembers which model services could not be reached by the last call that wanted to. It does so for a while only:
// /readyz must come back by itself, or nothing would ever try them again.
type models struct {
	mu   sync.Mutex
	down map[string]modelFailure // by name of the service
}

type modelFailure struct {
	at  time.Time
	err error
}

const failureCounts = time.Minute

// failed notes that a service could not be reached.
func (m *models) failed(service string, err error, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down == nil {
		m.down = map[string]modelFailure{}
	}
	m.down[service] = modelFailure{now, err}
}

// reached notes that it could.
func (m *models) reached(service string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.down, service)
}

// state judges the services in use: while all of them are away no call can be taken; while some are, the others' can.
func (m *models) state(used map[string]bool, now time.Time) (unready, degraded error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if f, ok := m.down[name]; ok && now.Sub(f.at) < failureCounts {
			errs = append(errs, fmt.Errorf("the model of realtime %q could not be reached at the last call: %w", name, f.err))
		}
	}
	if len(errs) > 0 && len(errs) == len(used) {
		return errors.Join(errs...), nil
	}
	return nil, errors.Join(errs...)
}
