package redisproc

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Do asks the server one question, on a connection of its own, and returns the answer. The parts of a list are separated
// by spaces.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	answer, err := s.do(patience, args...)
	if err != nil {
		s.t.Fatalf("redis at %s: %s: %v", s.Addr, strings.Join(args, " "), err)
	}
	return answer
}

func (s *Server) do(limit time.Duration, args ...string) (string, error) {
	conn, err := s.dial(limit)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	request := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		request += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	return answer(bufio.NewReader(conn))
}

func (s *Server) dial(limit time.Duration) (net.Conn, error) {
	d := &net.Dialer{Timeout: limit}
	if s.secure == nil {
		return d.Dial("tcp", s.Addr)
	}
	own, err := tls.LoadX509KeyPair(s.secure.CertFile, s.secure.KeyFile)
	if err != nil {
		return nil, err
	}
	// Whoever runs the server need not be shown who it is, and a test may give it the name of another.
	return tls.DialWithDialer(d, "tcp", s.Addr, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
}

func answer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(line[1:], "\r\n")
	switch line[0] {
	case '-':
		return "", errors.New(text)
	case '$':
		return bulk(r, text)
	case '*':
		return list(r, text)
	}
	return text, nil
}

func bulk(r *bufio.Reader, length string) (string, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 { // none
		return "", err
	}
	b := make([]byte, n+2)
	_, err = io.ReadFull(r, b)
	return string(b[:n]), err
}

func list(r *bufio.Reader, length string) (string, error) {
	n, err := strconv.Atoi(length)
	var parts []string
	for range n {
		part, err := answer(r)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " "), err
}

// Until asks again until the answer has a text in it.
func (s *Server) Until(text string, args ...string) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * patience); ; <-tick.C {
		answer, err := s.do(time.Second, args...)
		if err == nil && strings.Contains(answer, text) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("redis at %s: %s never says %q, but %q, %v\n%s", s.Addr, strings.Join(args, " "), text, answer, err, s.log())
		}
	}
}

// Try is Do for what the server may refuse.
func (s *Server) Try(args ...string) (string, error) { return s.do(patience, args...) }
