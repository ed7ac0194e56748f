package sipua

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"
)

// maxDatagram is the largest UDP payload there is. sipgo refuses to send anything
// over its idea of an MTU, responses included, and then sends nothing at all: a 200
// with a few Record-Route headers would be lost. IP fragments it instead.
const maxDatagram = 65507

// sipgo keeps these in package variables that its goroutines read without a lock, so
// they are set before the first one can exist.
func init() {
	sip.UDPMTUSize = maxDatagram + 200    // sipgo keeps 200 bytes in reserve
	sip.Timer_1xx = 24 * time.Hour        // we send 100 at once; a late automatic one could overwrite a final response
	sip.SetDefaultLogger(discardLogger()) // its default logger prints addresses and whole lines
}

func discardLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newParser is sipgo's parser without its reading of Record-Route: those headers must
// come back exactly as they arrived (RFC 3261 §12.1.1), and sipgo's form drops their
// parameters.
func newParser() *sip.Parser {
	headers := maps.Clone(sip.DefaultHeadersParser())
	delete(headers, "record-route")
	delete(headers, "route")
	for _, name := range [...]string{"from", "f", "to", "t"} {
		parse := headers[name]
		headers[name] = func(name []byte, text string) (sip.Header, error) { return parse(name, tidyParams(text)) }
	}
	return sip.NewParser(sip.WithHeadersParsers(headers))
}

// newTCP is sipgo's TCP transport, which TLS builds on, with one door closed: it opens
// no connections. By itself sipgo would connect to whatever a Via header names when the
// connection of a request is gone, and keep that connection. What we open is opened by
// connect.
func newTCP() *sip.TransportTCP {
	return &sip.TransportTCP{
		DialerCreate: func(net.Addr) net.Dialer { return net.Dialer{ControlContext: noDial} },
	}
}

var errNoDial = errors.New("no connection is open, and none is opened for this")

func noDial(context.Context, string, string, syscall.RawConn) error { return errNoDial }
