// Command mcp is a server of the Model Context Protocol with the tools of a warehouse, made with the official SDK. Trunkline
// starts it as a program and speaks over its standard input and output, or reaches it over HTTP:
//
//	mcp                        standard input and output; it ends when its input does
//	mcp -http 127.0.0.1:8081   streamable HTTP, at the address that it prints
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	address := flag.String("http", "", "address to serve at, port 0 for any; empty for standard input and output")
	slow := flag.Duration("slow", 2*time.Second, "how long the count of a shelf takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, NewServer(*slow), *address); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

// serve speaks over standard input and output, or at address. Standard output belongs to the protocol then: what a server has
// to say goes to standard error, where log writes. Trunkline has it in its own log, at level debug.
func serve(ctx context.Context, server *mcp.Server, address string) error {
	if address == "" {
		return server.Run(ctx, &mcp.StdioTransport{})
	}
	return serveHTTP(ctx, server, address)
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, server *mcp.Server, address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/mcp", guard(os.Getenv("MCP_TOKEN"), mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	fmt.Printf("http://%s/mcp\n", ln.Addr())
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// Streams stay open as long as their sessions, so there is nothing to wait for.
	if err := s.Close(); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
