package realtime

import "fmt"

// Dialect is a generation of the protocol. They share their structure and differ in names and shapes.
type Dialect uint8

const (
	// DialectGA is the current generation. It is the zero value.
	DialectGA Dialect = iota
	// DialectPreview is the first one (`OpenAI-Beta: realtime=v1`, Azure api-version 2024-10-01-preview and later).
	DialectPreview
)

// ParseDialect reads "ga" or "preview".
func ParseDialect(name string) (Dialect, error) {
	switch name {
	case "ga":
		return DialectGA, nil
	case "preview":
		return DialectPreview, nil
	}
	return DialectGA, fmt.Errorf("read dialect: %q is neither \"ga\" nor \"preview\"", name)
}

// String returns the name that ParseDialect reads.
func (d Dialect) String() string {
	if d == DialectPreview {
		return "preview"
	}
	return "ga"
}

// other is the dialect that this one is mistaken for.
func (d Dialect) other() Dialect {
	if d == DialectPreview {
		return DialectGA
	}
	return DialectPreview
}

// codec is what the two dialects do differently when a client event is written.
type codec interface {
	// session is the body of session.update.
	session(*Session) (any, error)
	// response is the body of response.create.
	response(*ResponseOptions) (any, error)
	// partName is the wire name of a part that a client may send, "" for the others.
	partName(PartKind) string
	// cancelID is the response_id that response.cancel may carry.
	cancelID(string) string
	// unknown lists the members of the session that are set and that the dialect has no word for.
	unknown(*Session) []string
}

func (d Dialect) codec() codec {
	if d == DialectPreview {
		return previewCodec{}
	}
	return gaCodec{}
}
