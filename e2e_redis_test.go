package trunkline_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redisDo asks Redis one question, on a connection of its own, and returns the answer: a string, or a list of answers.
// It knows as much of the protocol as that takes, so that the transcript is not read by the code that wrote it.
func redisDo(addr string, args ...string) (any, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(conn, request.String()); err != nil {
		return nil, err
	}
	return redisAnswer(bufio.NewReader(conn))
}

func redisAnswer(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil || len(line) < 3 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	text := strings.TrimRight(line[1:], "\r\n")
	n, _ := strconv.Atoi(text)
	switch line[0] {
	case '+', ':':
		return text, nil
	case '$':
		if n < 0 {
			return "", nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return string(b[:n]), err
	case '*':
		list := make([]any, 0, max(n, 0))
		for range n {
			v, err := redisAnswer(r)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return nil, errors.New(text)
}

// row is a hash or a stream entry: field by name.
type row map[string]string

func rowOf(v any) row {
	list, _ := v.([]any)
	r := row{}
	for i := 0; i+1 < len(list); i += 2 {
		r[list[i].(string)] = list[i+1].(string)
	}
	return r
}

func mustRedis(t *testing.T, addr string, args ...string) any {
	t.Helper()
	v, err := redisDo(addr, args...)
	if err != nil {
		t.Fatalf("redis %s: %v", args[0], err)
	}
	return v
}

// storedCall waits for the closed record of the call with the SIP Call-ID.
func storedCall(t *testing.T, addr, sipCallID string) (record row) {
	t.Helper()
	eventually(t, "the call's record is closed in Redis", func() bool {
		keys, _ := mustRedis(t, addr, "KEYS", "tl:{*}:meta").([]any)
		for _, k := range keys {
			if r := rowOf(mustRedis(t, addr, "HGETALL", k.(string))); r["sip"] == sipCallID && r["end"] != "" {
				record = r
				return true
			}
		}
		return false
	})
	return record
}

// storedLines are the lines of a transcript, oldest first, each with its id as field "id", without those that say what a
// response cost: they stand where that became known, between what was said.
func storedLines(t *testing.T, addr, callID string) (lines []row) {
	t.Helper()
	for _, r := range allLines(t, addr, callID) {
		if r["k"] != "usage" {
			lines = append(lines, r)
		}
	}
	return lines
}

func allLines(t *testing.T, addr, callID string) (lines []row) {
	t.Helper()
	entries, _ := mustRedis(t, addr, "XRANGE", "tl:{"+callID+"}:ev", "-", "+").([]any)
	for _, e := range entries {
		pair := e.([]any)
		r := rowOf(pair[1])
		r["id"] = pair[0].(string)
		lines = append(lines, r)
	}
	return lines
}

// checkLines compares a transcript with what it should be: each wanted line is "kind role text", or for tools "kind name
// arguments-or-result status". Durations and ids are left out.
func checkLines(t *testing.T, lines []row, want ...string) {
	t.Helper()
	var got []string
	for _, l := range lines {
		got = append(got, lineText(l))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("transcript:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func lineText(l row) string {
	var words []string
	for _, field := range []string{"k", "r", "tool", "t", "args", "res", "st"} {
		if l[field] != "" {
			words = append(words, l[field])
		}
	}
	return strings.Join(words, " ")
}
