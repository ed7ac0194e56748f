package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	maxDocument     = 8 << 20 // bytes
	documentTimeout = 20 * time.Second
)

// ReadOpenAPI reads a document from a file, or once from an http:// or https:// address with the headers given, which are
// secrets. It takes at most 8 MiB and 20 s, and follows redirects on the same host only. The errors do not show the
// address.
func ReadOpenAPI(ctx context.Context, place string, headers http.Header) ([]byte, error) {
	if !strings.HasPrefix(place, "https://") && !strings.HasPrefix(place, "http://") {
		f, err := os.Open(place)
		if err != nil {
			return nil, fmt.Errorf("read OpenAPI document: %w", err)
		}
		defer f.Close()
		return readDocument(f)
	}
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, http.NoBody)
	if err != nil {
		return nil, errors.New("read OpenAPI document: the address cannot be read")
	}
	maps.Copy(req.Header, headers)
	transport := newTransport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w; a copy in a file is always there", withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read OpenAPI document: status %d; a copy in a file is always there", resp.StatusCode)
	}
	return readDocument(resp.Body)
}

func readDocument(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("read OpenAPI document: it is longer than %d bytes", maxDocument)
	}
	return text, nil
}

// openAPIDocument is a document as the library reads it, and as plain values, into which references point.
type openAPIDocument struct {
	*openapi3.T
	plain any
}

// parseOpenAPI reads a document. What is wrong in parts of it that nobody asks for does not matter.
func parseOpenAPI(text []byte) (*openAPIDocument, error) {
	if len(text) == 0 {
		return nil, errors.New("there is no document")
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("the document is longer than %d bytes", maxDocument)
	}
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = false
	loader.ReadFromURIFunc = func(*openapi3.Loader, *url.URL) ([]byte, error) {
		return nil, errors.New("it refers to another document; bundle them into one")
	}
	doc, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") {
		return nil, errors.New("the document is not OpenAPI 3; convert it, such as from Swagger 2")
	}
	plainText, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	var plain any
	if err := json.Unmarshal(plainText, &plain); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	return &openAPIDocument{doc, plain}, nil
}

// foundOperation is an operation and where it stands.
type foundOperation struct {
	*openapi3.Operation
	method, path string
	item         *openapi3.PathItem
}

// describe is what the model reads about the operation.
func (f *foundOperation) describe() string {
	text := strings.TrimSpace(f.Summary)
	if more := strings.TrimSpace(f.Description); more != "" && more != text {
		text = strings.TrimSpace(text + "\n" + more)
	}
	return cut(text, maxDescription)
}

// find looks an operation up by its operationId, which documents should not give twice, and do.
func (d *openAPIDocument) find(id string) (*foundOperation, error) {
	var found *foundOperation
	var known []string
	paths := map[string]*openapi3.PathItem{}
	if d.Paths != nil {
		paths = d.Paths.Map()
	}
	for path, item := range paths {
		for method, op := range item.Operations() {
			switch {
			case op.OperationID == "":
			case op.OperationID != id:
				known = append(known, op.OperationID)
			case found != nil:
				return nil, fmt.Errorf("operation %q is in the document twice; give them different operationIds", id)
			default:
				found = &foundOperation{op, method, path, item}
			}
		}
	}
	if found == nil {
		slices.Sort(known)
		return nil, fmt.Errorf("operation %q is not in the document, known are %s", id, shortList(known))
	}
	return found, nil
}

// schema is the schema that ref stands for, in the form of our own tools.
func (d *openAPIDocument) schema(ref *openapi3.SchemaRef) (map[string]any, error) {
	if ref == nil {
		return map[string]any{}, nil
	}
	text, err := ref.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	return adopt(d.plain, plain)
}
