package tools

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// OpenAPI is an HTTP service described by an OpenAPI document (3.0 or 3.1), of whose operations some become tools.
//
//	GET /customers/{id}?fields=…            crm_getCustomer {"id": "A 1", "fields": ["name"]}
//	operationId: getCustomer          ──►       │
//	                                            ▼
//	                                   GET https://crm.example/api/customers/A%201?fields=name
//	                                   Authorization: Bearer …          from the configuration
//
//	2xx                    JSON or text: the result
//	400 404 409 410 422    are about what the model asked for: the text of JSON or plain text is read by it, like Tell
//	else                   are about us or the service (keys, quotas, faults): the model reads "the tool failed"
//
// The document says what may be asked, and nothing about where: the address and the keys are of the configuration.
type OpenAPI struct {
	Name   string // of the configuration; 1 to 32 of a-z A-Z 0-9 _ -
	Prefix string // before the name of each tool; empty stands for Name and _

	// Document is JSON or YAML, see [ReadOpenAPI]. It refers to itself only, not to other documents.
	Document []byte
	// BaseURL is what the paths of the document come after, such as https://crm.example/api.
	BaseURL string
	// TrustServers takes the first of the document's servers when there is no BaseURL. It is for documents of your own:
	// who can change the document gets the Headers.
	TrustServers bool
	// Operations are the operationIds that become tools.
	Operations []string
	// Headers are sent with each request and are secrets. A parameter of the document that is one of them is not offered
	// to the model.
	Headers http.Header
	// Timeout is as the option of that name; 0 means 10 s.
	Timeout time.Duration
	// Client sends the requests; nil means a client of its own. Its redirect policy is replaced.
	Client *http.Client
}

// String names the service without its headers and URL, which may hold secrets.
func (o OpenAPI) String() string { return fmt.Sprintf("OpenAPI service %s", o.Name) }

// GoString is String: %#v must not print secrets either.
func (o OpenAPI) GoString() string { return o.String() }

// LogValue implements slog.LogValuer.
func (o OpenAPI) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalJSON refuses: a service holds secrets.
func (o OpenAPI) MarshalJSON() ([]byte, error) {
	return nil, errors.New("an OpenAPI service holds secrets and is not written out")
}

// ToolName is the name in the registry of an operation: the prefix and operationId, in the letters and the length that
// models take.
func (o OpenAPI) ToolName(operationID string) string {
	return MCPServer{Name: o.Name, Prefix: o.Prefix}.ToolName(operationID)
}

// AddOpenAPI puts operations of a service into the registry as tools. Either all are added or, with an error that names
// the first one in the way and what to do about it, none. Options are those of each tool. Without [OnInterrupt] all but GET
// and HEAD finish when the caller cuts in.
//
// The arguments of a tool are the parameters of the operation and the members of its JSON body, side by side. Names that
// occur twice get the place before them: path_id and body_id.
func AddOpenAPI(r *Registry, o OpenAPI, opts ...Option) error {
	if err := addOpenAPI(r, o, opts); err != nil {
		return fmt.Errorf("add OpenAPI service %q: %w", o.Name, err)
	}
	return nil
}

func addOpenAPI(r *Registry, o OpenAPI, opts []Option) error {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	o.Headers = canonicalHeaders(o.Headers)
	doc, err := parseOpenAPI(o.Document)
	if err != nil {
		return err
	}
	s, err := newService(o, doc.T)
	if err != nil {
		return err
	}
	list, err := s.tools(doc, o, opts)
	if err != nil {
		return err
	}
	if err := r.addAll(list); err != nil {
		return err
	}
	if o.Client == nil {
		r.crew.atClose([]func(){s.client.CloseIdleConnections})
	}
	return nil
}

// tools makes a tool of each operation that is allowed.
func (s *restService) tools(doc *openAPIDocument, o OpenAPI, opts []Option) ([]*tool, error) {
	if len(o.Operations) == 0 {
		return nil, errors.New("no operation is named; list the operationIds that the model may use")
	}
	var list []*tool
	for _, id := range o.Operations {
		found, err := doc.find(id)
		if err != nil {
			return nil, err
		}
		op, params, err := doc.operation(found, o.Headers)
		if err != nil {
			return nil, fmt.Errorf("operation %q: %w", id, err)
		}
		settings, err := o.settings(op, opts)
		if err != nil {
			return nil, err
		}
		op.service = s
		list = append(list, &tool{name: o.ToolName(id), description: found.describe(), params: params, settings: settings, run: op.run})
	}
	return list, nil
}

// settings are those of one operation: what changes the world is finished when the caller cuts in.
func (o OpenAPI) settings(op *restOperation, opts []Option) (settings, error) {
	first := []Option{Timeout(o.Timeout)}
	if op.method != http.MethodGet && op.method != http.MethodHead {
		first = append(first, OnInterrupt(Finish))
	}
	s, err := newSettings(append(first, opts...))
	if err == nil && s.schema != nil {
		err = errors.New("the option Parameters is for Go functions: the document has the schemas")
	}
	return s, err
}

// addAll enters tools, all or none.
func (r *Registry) addAll(list []*tool) error {
	for i, t := range list {
		if err := r.add(t); err != nil {
			r.mu.Lock()
			for _, added := range list[:i] {
				delete(r.tools, added.name)
			}
			r.mu.Unlock()
			return fmt.Errorf("tool %q: %w", t.name, err)
		}
	}
	return nil
}

// restService is where operations are called. Static after construction.
type restService struct {
	name    string
	base    *url.URL
	headers http.Header
	client  *http.Client
}

func newService(o OpenAPI, doc *openapi3.T) (*restService, error) {
	if err := checkName(o.Name); err != nil {
		return nil, err
	}
	if len(o.Name) > maxMCPName {
		return nil, fmt.Errorf("its name has at most %d characters", maxMCPName)
	}
	base := o.BaseURL
	if base == "" && o.TrustServers && len(doc.Servers) > 0 {
		base = doc.Servers[0].URL
	}
	u, err := url.Parse(base)
	switch {
	case base == "":
		return nil, errors.New("there is no base URL; say where the service is, the document's servers are not trusted")
	case err != nil:
		return nil, errors.New("the base URL cannot be read") // the error of url.Parse shows the URL
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("the base URL must be http:// or https:// with a host")
	case u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Path, "{}"):
		return nil, errors.New("the base URL must end with its path: no ?, # or { }")
	}
	client := http.Client{Transport: newTransport()}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = checkRedirect
	return &restService{o.Name, u, o.Headers, &client}, nil
}

// OpenAPIError says that an operation gave no result. It holds neither URL nor bodies: they may hold secrets.
type OpenAPIError struct {
	Service   string // its name in the configuration
	Operation string // operationId
	Status    int    // of the HTTP response; 0 if there was none
	Err       error  // why there is no result; nil if Status says it
}

// Error implements error.
func (e *OpenAPIError) Error() string {
	text := fmt.Sprintf("call %s of %s", e.Operation, e.Service)
	if e.Status != 0 {
		text += fmt.Sprintf(": status %d", e.Status)
	}
	return withCause(text, e.Err)
}

// Unwrap gives the cause.
func (e *OpenAPIError) Unwrap() error { return e.Err }
