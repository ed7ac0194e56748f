package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Collect are the rules of a number that the caller presses. The zero value takes 1 to 32 keys.
type Collect struct {
	Min, Max int           // how many digits; zero: 1 and 32
	First    time.Duration // how long the first key may take; zero: 15 s
	Between  time.Duration // how long each further one; zero: 4 s
	Luhn     bool          // the last digit is a check digit, as that of cards (ISO/IEC 7812)

	// Secret keeps the number from the record, the log and the model: other tools of the call have it as Call.Get(name).
	Secret bool
}

const (
	mostDigits     = 32
	firstDigit     = 15 * time.Second
	nextDigit      = 4 * time.Second
	longestCollect = 2 * time.Minute
	collectTimeout = longestCollect + 10*time.Second
)

func (c Collect) withDefaults() Collect {
	if c.Min == 0 {
		c.Min = 1
	}
	if c.Max == 0 {
		c.Max = mostDigits
	}
	if c.First == 0 {
		c.First = firstDigit
	}
	if c.Between == 0 {
		c.Between = nextDigit
	}
	return c
}

// check says which rule cannot be kept.
func (c Collect) check() error {
	switch {
	case c.Min < 1 || c.Max > mostDigits || c.Min > c.Max:
		return fmt.Errorf("between %d and %d digits: at least 1, at most %d, and the first not above the second", c.Min, c.Max, mostDigits)
	case c.First < 0 || c.Between < 0 || c.First > longestCollect || c.Between > longestCollect:
		return fmt.Errorf("waiting %s for the first key and %s for others: at most %s", c.First, c.Between, longestCollect)
	case c.Luhn && c.Min < 2:
		return errors.New("a number with a check digit has at least 2 digits")
	}
	return nil
}

// AddCollect adds a tool that reads a number which the caller presses, by rules that the model cannot change. While it
// waits the keys go to it and not to the model. # ends the number, * begins anew, and the number of Max digits ends by
// itself. A number that breaks a rule is told to the model, which may ask again.
func AddCollect(r *Registry, name, description string, rules Collect, opts ...Option) error {
	rules = rules.withDefaults()
	err := rules.check()
	if err == nil {
		h := func(ctx context.Context, c *Call, _ struct{}) (reply, error) { return rules.collect(ctx, c, name) }
		err = addReplying(r, &tool{name: name, description: description}, h, append([]Option{Timeout(collectTimeout), OnInterrupt(Finish)}, opts...))
	}
	if err != nil {
		return fmt.Errorf("add tool %q: %w", name, err)
	}
	return nil
}

type collectArguments struct {
	Min int `json:"min,omitempty" jsonschema:"how many digits it has at least" min:"1" max:"32"`
	Max int `json:"max,omitempty" jsonschema:"how many at most; the last one ends it" min:"1" max:"32"`
}

// collectAny is the built-in tool, whose rules the model chooses.
func collectAny(ctx context.Context, c *Call, in collectArguments) (reply, error) {
	rules := Collect{Min: in.Min, Max: in.Max}.withDefaults()
	if err := rules.check(); err != nil {
		return reply{}, Tell("%w", err)
	}
	return rules.collect(ctx, c, "")
}

// collect reads the keys and words what came of it. name keeps a secret number; "" keeps none.
func (c Collect) collect(ctx context.Context, call *Call, name string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, longestCollect)
	defer cancel()
	digits, err := c.read(ctx, call.Control.Digits(ctx, c.Secret))
	if err != nil {
		return reply{}, err
	}
	if err := c.accept(digits); err != nil {
		return reply{}, err
	}
	if !c.Secret {
		return jsonReply(map[string]string{"digits": digits})
	}
	call.Set(name, digits)
	return jsonReply(map[string]any{"entered": true, "length": len(digits)})
}

// read takes keys until the number is whole.
func (c Collect) read(ctx context.Context, keys <-chan rune) (string, error) {
	var digits strings.Builder
	patience := time.NewTimer(c.First)
	defer patience.Stop()
	for digits.Len() < c.Max {
		select {
		case key, ok := <-keys:
			switch {
			case !ok:
				return "", ctxErr(ctx)
			case key == '#':
				return digits.String(), nil
			case key == '*':
				digits.Reset()
			case '0' <= key && key <= '9':
				digits.WriteRune(key)
			}
			patience.Reset(c.Between)
		case <-patience.C:
			return digits.String(), nil
		case <-ctx.Done():
			return "", ctxErr(ctx)
		}
	}
	return digits.String(), nil
}

// ctxErr is why keys stopped coming.
func ctxErr(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errors.New("the call is over")
}

// accept checks the rules. The texts hold no digit: they are in the record.
func (c Collect) accept(digits string) error {
	switch {
	case digits == "":
		return Tell("the caller pressed no key in time")
	case len(digits) < c.Min:
		return Tell("the caller pressed %d digits and it takes at least %d; ask again", len(digits), c.Min)
	case c.Luhn && !luhn(digits):
		return Tell("the number has a mistake in it (its check digit does not fit); ask again")
	}
	return nil
}

// luhn checks the last digit of a number (ISO/IEC 7812-1 annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// addReplying adds a tool whose handler makes its reply itself.
func addReplying[In any](r *Registry, t *tool, h func(context.Context, *Call, In) (reply, error), opts []Option) error {
	t.run = func(ctx context.Context, c *Call, args json.RawMessage) (reply, error) {
		in, err := decode[In](args)
		if err != nil {
			return reply{}, err
		}
		return h(ctx, c, in)
	}
	return addTyped(r, reflect.TypeFor[In](), t, opts)
}
