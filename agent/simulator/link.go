package simulator

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

// link is the connection of one session. read is called by the session's
// reader, all else by its loop.
type link interface {
	// read waits for a message of the client. An error is the end of the connection.
	read() (message, error)
	// write passes a text message on; it may wait for a while for the client.
	write(data []byte) error
	// close says goodbye with a code and a reason; after it read fails. Code 0 ends the connection without a word.
	close(code websocket.StatusCode, why string)
	// drop cuts the connection, as a broken cable does.
	drop()
	// freeze makes the connection a black hole in both directions.
	freeze()
	// junk writes what the client's end of the connection cannot read.
	junk()
}

// message is one WebSocket message of the client.
type message struct {
	binary bool
	data   []byte
}

// writeTimeout ends a session whose client does not read.
const writeTimeout = 10 * time.Second

// socket is the link over a WebSocket.
type socket struct {
	conn *websocket.Conn
	wire *wire
}

func (l *socket) read() (message, error) {
	kind, data, err := l.conn.Read(context.Background())
	return message{kind == websocket.MessageBinary, data}, err
}

func (l *socket) write(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return l.conn.Write(ctx, websocket.MessageText, data)
}

func (l *socket) close(code websocket.StatusCode, why string) {
	if code == 0 || l.wire.frozen.Load() {
		l.conn.CloseNow()
		return
	}
	l.conn.Close(code, shorten(why, 120)) // a peer that does not answer is cut after 5 s
}

func (l *socket) drop()   { l.wire.drop() }
func (l *socket) freeze() { l.wire.frozen.Store(true) }

// junk: opcode 15 does not exist (RFC 6455 section 5.2).
func (l *socket) junk() {
	l.wire.Write([]byte{0x8F, 0x04, 'j', 'u', 'n', 'k'}) // the peer breaks the connection, so an error is no news
}
