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
func (k keys) agent(name string) string {
	return k.prefix + ":idx:agent:" + name
}
func (k keys) caller(secret []byte, number string) string {
	return k.prefix + ":idx:caller:" + store.CallerKey(secret, number)
}

func (k keys) live() string   { return k.prefix + ":live" }
func (k keys) feed() string   { return k.prefix + ":feed" }
func (k keys) ended() string  { return k.prefix + ":ended" }
func (k keys) secret() string { return k.prefix + ":key" }

const (
	dayForm   = "20060102"
	msPerDay  = 24 * 60 * 60 * 1000
	feedLen   = 10_000
	endedLen  = 100_000
	chunkSize = 1000 // entries or index members a command returns at most
)

// dayNumber counts days since 1970.
func dayNumber(t time.Time) int64 { return t.UnixMilli() / msPerDay }
