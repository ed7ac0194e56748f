package redisstore

import (
	"time"

	"github.com/trunkline/trunkline/store"
)

// keys makes key names.
type keys struct {
	prefix string
}

func (k keys) events(call string) string { return k.prefix + ":{" + call + "}:ev" }
func (k keys) meta(call string) string   { return k.prefix + ":{" + call + "}:meta" }

func (k keys) day(t time.Time) string { return k.prefix + ":idx:start:" + t.UTC().Format(dayForm) }
func (k keys) days() string           { return k.prefix + ":idx:days" }
func (k keys) index(p store.Place) string {
	return k.prefix + ":idx:" + string(p.Index) + ":" + p.Name
}

func (k keys) live() string   { return k.prefix + ":live" }
func (k keys) feed() string   { return k.prefix + ":feed" }
func (k keys) out() string    { return k.prefix + ":out" }
func (k keys) audit() string  { return k.prefix + ":audit" }
func (k keys) secret() string { return k.prefix + ":key" }

func (k keys) taken(group string) string { return k.prefix + ":taken:" + group }
func (k keys) dead(group string) string  { return k.prefix + ":dead:" + group }

const (
	dayForm   = "20060102"
	msPerDay  = 24 * 60 * 60 * 1000
	feedLen   = 10_000
	outLen    = 100_000
	deadLen   = 10_000
	chunkSize = 1000 // entries or index members a command returns at most
)

// dayNumber counts days since 1970.
func dayNumber(t time.Time) int64 { return t.UnixMilli() / msPerDay }
