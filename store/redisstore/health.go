package redisstore

import (
	"context"
	"strings"
)

// Health is what a server says of itself, for an operator who asks whether transcripts are safe with it. What it does not
// say is empty.
type Health struct {
	Version    string // such as 7.4.1
	AppendOnly bool   // what was written survives a crash, but for the last second
	Policy     string // maxmemory-policy; noeviction, or what is thrown away when memory ends
	Limited    bool   // there is a maxmemory
}

// Health asks the server how it keeps what it is given; of a Cluster, one of its nodes.
func (s *Store) Health(ctx context.Context) (Health, error) {
	if err := s.ready(ctx); err != nil {
		return Health{}, err
	}
	info, err := s.client.Info(ctx).Result()
	if err != nil {
		return Health{}, s.fail(ctx, "ask for the health", err)
	}
	return healthOf(info), nil
}

// healthOf reads the answer to INFO: a line for each figure, name:value.
func healthOf(info string) (h Health) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			h.Version = value
		case "aof_enabled":
			h.AppendOnly = value == "1"
		case "maxmemory_policy":
			h.Policy = value
		case "maxmemory":
			h.Limited = value != "0" && value != ""
		}
	}
	return h
}
