package trunkline

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin is the operator's listener: /healthz, /readyz and /metrics. It belongs on loopback or an inner network.
type admin struct {
	ln   net.Listener
	http *http.Server
	gone chan struct{}
}

// readiness is what keeps a service from taking calls, nil when it takes them; degraded is a warning that does not.
type readiness func(ctx context.Context) (unready error, degraded error)

func listenAdmin(address string, m *metrics, ready readiness) (*admin, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the operator (admin.listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { tellReady(w, r, ready) })
	a := &admin{ln: ln, gone: make(chan struct{}),
		http: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}}
	go func() {
		defer close(a.gone)
		_ = a.http.Serve(ln) // ends with close
	}()
	return a, nil
}

func tellReady(w http.ResponseWriter, r *http.Request, ready readiness) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	unready, degraded := ready(ctx)
	switch {
	case unready != nil:
		http.Error(w, unready.Error(), http.StatusServiceUnavailable)
	case degraded != nil:
		fmt.Fprintln(w, "degraded:", degraded)
	default:
		fmt.Fprintln(w, "ok")
	}
}

func (a *admin) close() {
	_ = a.http.Close() // the listener is gone either way
	<-a.gone
}
