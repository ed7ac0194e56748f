package realtime

import (
	"math"
	"strconv"
	"time"
)

// Numbers of a server. Whatever it sends, they are in a range in which nobody's arithmetic goes wrong: a negative number of
// tokens must not count backwards, and an endless offset must not overflow.

// count is a whole number from 0 to 2³¹-1: an index, a number of tokens, milliseconds. A fraction is rounded down; what is
// out of range, or no number, is 0.
type count int

// UnmarshalJSON never fails.
func (c *count) UnmarshalJSON(data []byte) error {
	*c = count(number(data, math.MaxInt32))
	return nil
}

// seconds is a span or a time of the Unix clock, from 0 to 10¹¹, which is some year far away. What is out of range, such as
// a time in milliseconds, is 0: unknown.
type seconds float64

const maxSeconds = 1e11

// UnmarshalJSON never fails.
func (s *seconds) UnmarshalJSON(data []byte) error {
	*s = seconds(number(data, maxSeconds))
	return nil
}

// time is zero when the server does not say.
func (s seconds) time() time.Time {
	if s <= 0 {
		return time.Time{}
	}
	whole, fraction := math.Modf(float64(s))
	return time.Unix(int64(whole), int64(fraction*1e9))
}

// span is at most 31 years, so that two of them can be added.
func (s seconds) span() time.Duration {
	return time.Duration(min(float64(s), 1e9) * float64(time.Second))
}

// number reads a number from 0 to most, and 0 for anything else. data is well-formed JSON: what begins like a number is one.
func number(data []byte, most float64) float64 {
	if len(data) == 0 || data[0] < '0' || data[0] > '9' {
		return 0
	}
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || f > most {
		return 0
	}
	return f
}
