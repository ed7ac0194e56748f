package sipua

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// farEnd is a SIP server of the test's own: it reads requests and answers what the test
// says, over UDP and TCP on the same port.
type farEnd struct {
	t      *testing.T
	addr   netip.AddrPort
	answer func(req *sip.Request) *sip.Response // nil: no answer

	mu       sync.Mutex
	requests []*sip.Request
	conns    []net.Conn
	other    chan string // what is no request: answers, keep-alives
	wg       sync.WaitGroup
}

func newFarEnd(t *testing.T, answer func(*sip.Request) *sip.Response) *farEnd {
	t.Helper()
	udp, tcp := pairOfSockets(t)
	f := &farEnd{t: t, addr: addrPort(udp.LocalAddr()), answer: answer, other: make(chan string, 100)}
	f.wg.Go(func() { f.serveUDP(udp) })
	f.wg.Go(func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			f.wg.Go(func() { f.serveTCP(c) })
		}
	})
	t.Cleanup(func() {
		_, _ = udp.Close(), tcp.Close()
		f.cut()
		f.wg.Wait()
	})
	return f
}

func pairOfSockets(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		_ = udp.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

func (f *farEnd) serveUDP(c net.PacketConn) {
	buf := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		f.handle(string(buf[:n]), from.String(), func(s string) { _, _ = c.WriteTo([]byte(s), from) })
	}
}

func (f *farEnd) serveTCP(c net.Conn) {
	in := textproto.NewReader(bufio.NewReader(c))
	for {
		start, err := in.ReadLine()
		if err != nil {
			return
		}
		if start == "" {
			f.note("")
			continue
		}
		var text strings.Builder
		text.WriteString(start + "\r\n")
		length := 0
		for {
			line, err := in.ReadLine()
			if err != nil {
				return
			}
			text.WriteString(line + "\r\n")
			if line == "" {
				break
			}
			if v, ok := strings.CutPrefix(line, "Content-Length:"); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in.R, body); err != nil {
			return
		}
		f.handle(text.String()+string(body), c.RemoteAddr().String(), func(s string) { _, _ = io.WriteString(c, s) })
	}
}

func (f *farEnd) handle(text, from string, reply func(string)) {
	msg, err := newParser().ParseSIP([]byte(text))
	req, ok := msg.(*sip.Request)
	if err != nil || !ok {
		f.note(text)
		return
	}
	req.SetSource(from)
	f.mu.Lock()
	f.requests = append(f.requests, req)
	f.mu.Unlock()
	if res := f.answer(req); res != nil {
		reply(res.String())
	}
}

func (f *farEnd) note(text string) {
	select {
	case f.other <- text:
	default:
	}
}

// cut closes every connection.
func (f *farEnd) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}

func (f *farEnd) seen() []*sip.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*sip.Request(nil), f.requests...)
}

func (f *farEnd) conn(t *testing.T) net.Conn {
	t.Helper()
	var c net.Conn
	eventually(t, "a connection to the far end", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.conns) > 0 {
			c = f.conns[len(f.conns)-1]
		}
		return c != nil
	})
	return c
}

func (f *farEnd) uri(transport string) string {
	return fmt.Sprintf("sip:%v;transport=%s", f.addr, transport)
}

func reply200(req *sip.Request, headers ...Header) *sip.Response {
	return newResponse(req, 200, "OK", headers...)
}

// confirm is a registrar's 200: it lists the Contact with the life it gives.
func confirm(req *sip.Request, life time.Duration) *sip.Response {
	contact, _, _ := strings.Cut(headerValues(req, "contact", "")[0], ">")
	return reply200(req, Header{"Contact", fmt.Sprintf("%s>;expires=%d", contact, life/time.Second)})
}

func expiresOf(req *sip.Request) string { return headerValues(req, "expires", "")[0] }

// strict is a source policy that lists nobody.
func strict(Source) Admission { return Admission{Verdict: Ignore} }

func (u *UA) mustRegister(t *testing.T, cfg RegistrationConfig) *Registration {
	t.Helper()
	cfg.Peer = "carrier"
	r, err := u.Register(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refusingPort is a port of 127.0.0.1 on which connections are refused: it is bound, so
// that nobody else can get it, and not listened on.
func refusingPort(t *testing.T) uint16 {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(name.(*syscall.SockaddrInet4).Port)
}

func awaitStatus(t *testing.T, r *Registration, want RegistrationStatus) RegistrationState {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("registration: %+v", r.State())
		}
	}()
	eventually(t, "registration is "+string(want), func() bool { return r.State().Status == want })
	return r.State()
}
