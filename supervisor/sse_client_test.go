package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// sseEvent is an event as a browser takes it.
type sseEvent struct {
	name, id, data string
}

func into[T any](e sseEvent) (out T) {
	if err := json.Unmarshal([]byte(e.data), &out); err != nil {
		panic(err)
	}
	return out
}

// sseClient reads a stream as the HTML standard says.
type sseClient struct {
	*apiStand
	resp   *http.Response
	lines  *bufio.Reader
	cancel context.CancelFunc
	last   string // id that a browser would resume behind
}

func (s *apiStand) stream(who, path, last string) *sseClient {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 2*apiPatience)
	header := []string{"Accept", "text/event-stream"}
	if last != "" {
		header = append(header, "Last-Event-ID", last)
	}
	resp := s.open(ctx, who, "GET", path, "", header...)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		s.Fatalf("GET %s: %s %v", path, resp.Status, resp.Header)
	}
	return &sseClient{s, resp, bufio.NewReader(resp.Body), cancel, last}
}

func (s *apiStand) followed(who, call, last string) *sseClient {
	s.Helper()
	return s.stream(who, "calls/"+call+"/follow", last)
}

// wall follows all calls and has been greeted.
func (s *apiStand) wall(who string) *sseClient {
	s.Helper()
	c := s.stream(who, "feed", "")
	c.until(wallReady)
	return c
}

// next returns the next event; ok is false at the end of the stream.
func (c *sseClient) next() (e sseEvent, ok bool) {
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return sseEvent{}, false
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
			c.last = value
		case "data":
			e.data += value
		case "":
			if e.name != "" {
				return e, true
			}
		}
	}
}

// until passes over events to one of the name, which must come.
func (c *sseClient) until(name string) sseEvent {
	c.Helper()
	for {
		e, ok := c.next()
		if !ok {
			c.Fatalf("the stream ended without %q", name)
		}
		if e.name == name {
			return e
		}
	}
}

func (c *sseClient) close() {
	c.cancel()
	c.resp.Body.Close()
}

// ends waits for the server to end the stream.
func (c *sseClient) ends() {
	c.Helper()
	begun := time.Now()
	for {
		if _, ok := c.next(); !ok {
			break
		}
	}
	if time.Since(begun) > apiPatience {
		c.Error("the stream did not end")
	}
	c.close()
}
