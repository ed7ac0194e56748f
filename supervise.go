package trunkline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/sound"
	"github.com/trunkline/trunkline/supervisor"
)

// supervised is the archive as supervisors and the command line have it.
type supervised struct {
	store.Store
	sound *sound.Keep
}

var (
	_ supervisor.Archive    = supervised{}
	_ supervisor.Recordings = supervised{}
	_ store.Searcher        = supervised{}
)

// Delete removes a call and its recording, which goes first: what interrupts this can be repeated. Of a call that runs on
// this machine what has been recorded goes, and what would be.
func (s supervised) Delete(ctx context.Context, id string) error {
	c, err := s.Store.Call(ctx, id)
	if err != nil {
		return err
	}
	if err := s.sound.Delete(ctx, c.Recording); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete the recording of call %s: %w", id, err)
	}
	if err := s.sound.Discard(id); err != nil {
		return fmt.Errorf("delete the recording of call %s: %w", id, err)
	}
	return s.Store.Delete(ctx, id)
}

// Open opens the recording of a call.
func (s supervised) Open(ctx context.Context, id string) (supervisor.Recording, error) {
	c, err := s.Store.Call(ctx, id)
	if err != nil {
		return supervisor.Recording{}, err
	}
	if c.Recording == "" {
		return supervisor.Recording{}, fmt.Errorf("%w: the call was not recorded, or is not over", store.ErrNotFound)
	}
	r, err := s.sound.Open(ctx, c.Recording)
	return supervisor.Recording{ReadSeekCloser: r.ReadSeekCloser, Modified: r.Modified}, err
}

// openPage makes the page for supervisors and begins to listen; nil when none is configured.
func (s *Service) openPage(cfg *configs.Supervisor) (*page, error) {
	if cfg.Listen == "" {
		return nil, nil
	}
	archive := supervised{s.kept.store, s.kept.sound}
	server, err := supervisor.New(supervisor.Options{Archive: archive, Live: &s.live, Recordings: archive,
		SignIn: signIn(cfg), Kept: kept(&s.cfg.Store), Version: strings.TrimPrefix(Version(), "trunkline "), Log: s.log})
	if err != nil {
		return nil, fmt.Errorf("page for supervisors: %w", err)
	}
	o := supervisor.ListenOptions{Address: string(cfg.Listen)}
	if cfg.Encrypted() {
		o.CertFile, o.KeyFile = string(cfg.TLS.Certificate), string(cfg.TLS.Key)
	}
	for _, p := range cfg.Proxies {
		o.Proxies = append(o.Proxies, p.Prefix)
	}
	s.metrics.registry.MustRegister(pageFigures{server})
	l, err := server.Listen(o)
	if err != nil {
		server.Close()
		return nil, err
	}
	return &page{server, l}, nil
}

// page is where supervisors look.
type page struct {
	server   *supervisor.Server
	listener *supervisor.Listener
}

func (p *page) close() error {
	p.server.Close() // streams first: the listener waits for requests
	return p.listener.Close()
}

// kept says in a few words where transcripts are.
func kept(cfg *configs.Store) string {
	if cfg.Redis == nil {
		return cfg.Path
	}
	return "Redis, " + cfg.Redis.URL.String()
}

// signIn says who may come in; nil: nobody has to sign in.
func signIn(cfg *configs.Supervisor) *supervisor.SignIn {
	if len(cfg.Tokens) == 0 && cfg.OIDC == nil {
		return nil
	}
	s := &supervisor.SignIn{Key: cfg.SessionKey.Reveal()}
	for _, t := range cfg.Tokens {
		role, _ := supervisor.ParseRole(t.Role) // the configuration has checked it
		s.Tokens = append(s.Tokens, supervisor.Token{Name: t.Name, Role: role, Agents: t.Agents, SHA256: t.SHA256})
	}
	if o := cfg.OIDC; o != nil {
		s.OIDC = &supervisor.OIDC{Issuer: o.Issuer.Reveal(), ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(),
			RedirectURL: o.RedirectURL.Reveal(), Scopes: o.Scopes, RoleClaim: o.RoleClaim, AgentsClaim: o.AgentsClaim,
			Roles: map[string]supervisor.Role{}}
		for _, r := range o.Roles {
			s.OIDC.Roles[r.Value], _ = supervisor.ParseRole(r.Role)
		}
	}
	return s
}

// Search looks through transcripts as the store itself does it best (store.Searcher).
func (s supervised) Search(ctx context.Context, q store.Query, text string, limit int) (store.Found, error) {
	return store.Search(ctx, s.Store, q, text, limit)
}
