package telephony

import "context"

// Handler takes calls.
type Handler interface {
	// ServeCall runs one call in its own goroutine. It is called before the call is
	// answered: Ring, Answer or Reject are its first steps. ctx ends when the call does,
	// with an *Ended as cause. Returning ends the call: a BYE if it was answered, 500 if
	// it was neither answered nor rejected.
	ServeCall(ctx context.Context, c *Call)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, c *Call)

// ServeCall calls f.
func (f HandlerFunc) ServeCall(ctx context.Context, c *Call) { f(ctx, c) }
