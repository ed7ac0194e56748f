package trunkline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/tools"
)

// checkRealtime opens a session and closes it, which nobody is billed for: the truest answer to whether address, key, model and
// dialect are right. At OpenAI the list of models says besides how long the model is going to be there.
func checkRealtime(ctx context.Context, r *configs.Realtime, p *probe) []Finding {
	dial, err := dialer(r, slog.New(slog.DiscardHandler))
	if err != nil {
		return p.fail("correct the entry", "%v", err)
	}
	began := time.Now()
	model, _, err := dial(ctx, realtime.Session{})
	if err != nil {
		return append(p.fail(remedyOf(err), "%v", reason(ctx, err)), checkModel(ctx, r, p)...)
	}
	took := time.Since(began)
	model.Close("checked")
	return append(p.ok("a session was confirmed in %s", took.Round(time.Millisecond)), checkModel(ctx, r, p)...)
}

// remedyOf says what to do about a session that did not come about.
func remedyOf(err error) string {
	dialErr, ok := errors.AsType[*realtime.DialError](err)
	switch {
	case ok && (dialErr.Status == http.StatusUnauthorized || dialErr.Status == http.StatusForbidden):
		return "check api_key and headers, and that the account may use the model"
	case ok && dialErr.Status == http.StatusNotFound:
		return "check the address, and that the model or deployment exists"
	case ok && dialErr.Status == 0:
		return "check the address, DNS, the firewall and the proxy"
	case realtime.IsRetryable(err):
		return "the service is in trouble or slow: try again, and look at its status page"
	}
	return "check model and dialect, and what the service says"
}

// listedModel is an entry of GET /v1/models.
type listedModel struct {
	ID          string `json:"id"`
	Shutdown    string `json:"shutdown_date"`
	Deprecation struct {
		Shutdown string `json:"shutdown_date"`
	} `json:"deprecation"`
}

// mostModels bounds the list of models, in bytes.
const mostModels = 4 << 20

func checkModel(ctx context.Context, r *configs.Realtime, p *probe) []Finding {
	if r.Provider != configs.OpenAI {
		return nil
	}
	models, status, err := listModels(ctx, r)
	switch {
	case err != nil:
		return p.warn("check the address, DNS, the firewall and the proxy", "list the models: %v", reason(ctx, err))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return p.fail("check api_key, and that it may list models", "list the models: status %d", status)
	case status != http.StatusOK:
		return p.warn("nothing, if the service at endpoint has no list of models", "list the models: status %d", status)
	}
	i := slices.IndexFunc(models, func(m listedModel) bool { return m.ID == r.Model })
	if i < 0 {
		return p.fail("choose a model that the account has", "the service does not list model %s", r.Model)
	}
	if end := models[i].Shutdown + models[i].Deprecation.Shutdown; end != "" {
		return p.warn("choose its successor before", "model %s is shut down on %.40q", r.Model, end)
	}
	return p.ok("model %s is listed", r.Model)
}

func listModels(ctx context.Context, r *configs.Realtime) (models []listedModel, status int, err error) {
	address, header, err := r.Endpoint()
	if err != nil {
		return nil, 0, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, 0, errors.New("the address cannot be read")
	}
	u.Scheme, u.RawQuery = strings.Replace(u.Scheme, "ws", "http", 1), ""
	u.Path = strings.TrimSuffix(u.Path, "/realtime") + "/models"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, 0, errors.New("the address cannot be read")
	}
	req.Header = header
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req) // redirects would carry the key elsewhere
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode, nil
	}
	models, err = readModels(resp.Body)
	return models, resp.StatusCode, err
}

func readModels(body io.Reader) ([]listedModel, error) {
	var answer struct {
		Data []listedModel `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(body, mostModels)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the list is not one of models: %w", err)
	}
	return answer.Data, nil
}

// toolProbes look for the servers of tools. None of them is asked to do anything.
func toolProbes(cfg *configs.Config) (all []probe) {
	for i := range cfg.Tools {
		if t := &cfg.Tools[i]; t.Webhook != nil {
			all = append(all, probe{"tools", "tools[" + t.Name + "].webhook", func(ctx context.Context, p *probe) []Finding {
				return checkReach(ctx, t.Webhook.URL.Reveal(), p)
			}})
		}
	}
	for i := range cfg.OpenAPI {
		o := &cfg.OpenAPI[i]
		place := "openapi[" + o.Name + "]"
		all = append(all, probe{"tools", place + ".base_url", func(ctx context.Context, p *probe) []Finding {
			return checkReach(ctx, o.BaseURL.Reveal(), p)
		}}, probe{"tools", place + ".document", func(ctx context.Context, p *probe) []Finding { return checkDocument(ctx, o, p) }})
	}
	for i := range cfg.MCP {
		m := &cfg.MCP[i]
		all = append(all, probe{"tools", "mcp[" + m.Name + "]", func(ctx context.Context, p *probe) []Finding { return checkMCP(ctx, m, p) }})
	}
	return all
}

func checkReach(ctx context.Context, address string, p *probe) []Finding {
	what, err := reach(ctx, address)
	if err != nil {
		return p.fail("check the address, that the service runs, its certificate and the firewall", "connect: %v", err)
	}
	return p.ok("%s; no request was sent, it would act", what)
}

func checkDocument(ctx context.Context, o *configs.OpenAPI, p *probe) []Finding {
	r := tools.NewRegistry()
	defer func() { _ = closeTools(r) }()
	if err := addOpenAPI(ctx, r, o); err != nil {
		return p.fail("correct the document or operations; the service does not start like this", "%v", err)
	}
	return p.ok("%d operations", len(o.Operations))
}

func checkMCP(ctx context.Context, m *configs.MCP, p *probe) []Finding {
	r := tools.NewRegistry()
	defer func() { _ = closeTools(r) }()
	if err := addMCP(r, m, slog.New(slog.DiscardHandler)); err != nil {
		return p.fail("correct the entry", "%v", err)
	}
	err := r.Ready(ctx)
	state := r.Sources()[0]
	switch missing := missingTools(m, state.Tools); {
	case err != nil:
		return p.fail("check that the program or service starts, its address and its headers", "%v", err)
	case len(missing) > 0:
		return p.fail("correct allow, or update the server", "it has no tool %s", strings.Join(missing, ", "))
	case state.Err != nil:
		return p.warn("look at what the server offers", "%d tools; %v", len(state.Tools), state.Err)
	}
	return p.ok("connected, %d tools", len(state.Tools))
}

// missingTools are those that are allowed and that the server does not have.
func missingTools(m *configs.MCP, has []string) (missing []string) {
	if m.AllowAll() {
		return nil
	}
	server := tools.MCPServer{Name: m.Name, Prefix: m.Prefix}
	for _, name := range m.Allow {
		if !slices.Contains(has, server.ToolName(name)) {
			missing = append(missing, name)
		}
	}
	return missing
}
