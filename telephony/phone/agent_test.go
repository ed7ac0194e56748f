package phone

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/trunkline/trunkline/telephony/media"
	"github.com/trunkline/trunkline/telephony/sdp"
	"github.com/trunkline/trunkline/transcode"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// agent is a talking SIP server on sipgo's server side.
type agent struct {
	t       *testing.T
	network string
	port    int
	laws    []transcode.Law
	talk    func(a *agentCall) // runs when the call is up; the call ends when it returns true
	refuse  int                // status instead of an answer
	ring    chan struct{}      // nil: answer at once; else when closed

	ports   *media.Ports
	pacer   *media.Pacer
	dialogs *sipgo.DialogServerCache
	stop    context.Context

	mu   sync.Mutex // orders enter before the end of the test
	over bool       // guarded by mu; no new calls
	deaf bool       // guarded by mu; nothing is read
	work sync.WaitGroup
}

// agentCall is one call at the agent.
type agentCall struct {
	*media.Session
	law    transcode.Law
	frames chan []byte // copies of what the caller sends
	over   <-chan struct{}
}

// newAgent serves until the test is over. What is set in opt is the behaviour.
func newAgent(t *testing.T, network string, opt func(*agent)) *agent {
	t.Helper()
	stop, cancel := context.WithCancel(context.Background())
	a := &agent{t: t, network: network, pacer: media.NewPacer(), stop: stop}
	a.ports, _ = media.NewPorts(loopback, 0, 0)
	if opt != nil {
		opt(a)
	}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("agent"),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerReadFilter(a.read)))
	if err != nil {
		t.Fatal(err)
	}
	server, err := sipgo.NewServer(ua)
	if err != nil {
		t.Fatal(err)
	}
	server.OnInvite(a.onInvite)
	server.OnAck(func(r *sip.Request, tx sip.ServerTransaction) { _ = a.dialogs.ReadAck(r, tx) })
	server.OnBye(func(r *sip.Request, tx sip.ServerTransaction) { _ = a.dialogs.ReadBye(r, tx) })
	serve := a.listen(server)
	options := []sipgo.ClientOption{sipgo.WithClientHostname("127.0.0.1")}
	if network == "udp" { // else sipgo may open a socket of its own, and forget it
		options = append(options, sipgo.WithClientConnectionAddr(netip.AddrPortFrom(loopback, uint16(a.port)).String()))
	}
	client, err := sipgo.NewClient(ua, options...)
	if err != nil {
		t.Fatal(err)
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "agent", Host: "127.0.0.1", Port: a.port}}
	if network == "tcp" {
		contact.Address.UriParams = sip.NewParams()
		contact.Address.UriParams.Add("transport", "tcp")
	}
	a.dialogs = sipgo.NewDialogServerCache(client, contact)
	closeSocket := serve()
	t.Cleanup(func() {
		cancel()
		a.mu.Lock()
		a.over = true
		a.mu.Unlock()
		a.work.Wait() // calls still need answers to their BYE
		a.mu.Lock()
		a.deaf = true
		a.mu.Unlock()
		awaitSipgo(t)
		ua.Close()
		closeSocket()
		a.pacer.Close()
		if n := a.ports.InUse(); n != 0 {
			t.Errorf("the agent still has %d ports", n)
		}
	})
	return a
}

// listen opens the socket; serve begins to answer on it.
func (a *agent) listen(server *sipgo.Server) (serve func() (closeSocket func())) {
	run := func(c interface{ Close() error }, f func() error) func() {
		done := make(chan struct{})
		go func() { defer close(done); _ = f() }()
		return func() { c.Close(); <-done }
	}
	if a.network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			a.t.Fatal(err)
		}
		a.port = l.Addr().(*net.TCPAddr).Port
		return func() func() { return run(l, func() error { return server.ServeTCP(l) }) }
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		a.t.Fatal(err)
	}
	a.port = c.LocalAddr().(*net.UDPAddr).Port
	return func() func() { return run(c, func() error { return server.ServeUDP(c) }) }
}

func (a *agent) uri() string {
	return "sip:agent@" + netip.AddrPortFrom(loopback, uint16(a.port)).String()
}

// read drops what comes when all calls are over.
func (a *agent) read(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deaf {
		return nil, nil
	}
	return data, nil
}

// awaitSipgo waits until the goroutines that sipgo starts for each message are done:
// one that finds the socket closed would open another and leave it.
func awaitSipgo(t *testing.T) {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "TransactionLayer).handle") {
			return
		}
	}
	t.Error("sipgo does not come to rest")
}

// enter counts a call in, unless the test is over.
func (a *agent) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		a.work.Add(1)
	}
	return !a.over
}

func (a *agent) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if !a.enter() {
		return
	}
	defer a.work.Done()
	if req.To().Params.Has("tag") { // no changes in mid-call
		_ = tx.Respond(sip.NewResponseFromRequest(req, 488, "Not Acceptable Here", nil))
		return
	}
	dialog, err := a.dialogs.ReadInvite(req, tx)
	if err != nil {
		a.t.Errorf("agent: %v", err)
		return
	}
	defer dialog.Close()
	_ = dialog.Respond(180, "Ringing", nil)
	if a.ring != nil {
		select {
		case <-a.ring:
		case <-tx.Done():
			return
		case <-a.stop.Done():
			return
		}
	}
	if a.refuse != 0 {
		_ = dialog.Respond(a.refuse, "Refused", nil)
		return
	}
	a.serve(req, dialog)
}

// serve answers and talks.
func (a *agent) serve(req *sip.Request, dialog *sipgo.DialogServerSession) {
	offer, err := sdp.Parse(req.Body())
	if err != nil {
		a.t.Errorf("the phone's offer: %v", err)
		return
	}
	s, err := media.Open(media.Config{Ports: a.ports, Pacer: a.pacer})
	if err != nil {
		a.t.Errorf("agent: %v", err)
		return
	}
	defer s.Close()
	n, body, err := sdp.Answer(offer, sdp.Local{Addr: loopback, Port: s.Port(), Laws: a.laws, SessionID: 1, Version: 1})
	if err != nil {
		a.t.Errorf("the phone's offer: %v\n%s", err, req.Body())
		return
	}
	if err := dialog.RespondSDP(body); err != nil { // waits for the ACK
		return
	}
	call := &agentCall{Session: s, law: n.Law, frames: make(chan []byte, 4096), over: dialog.Context().Done()}
	s.Attach(func(f []byte) {
		select {
		case call.frames <- append([]byte(nil), f...):
		default:
		}
	})
	if err := s.Start(media.Params{Law: n.Law, PayloadType: uint8(n.PayloadType), EventPT: n.EventPT, PTime: n.PTime, Remote: n.Remote, RTCPMux: n.RTCPMux, RTCP: n.RTCP}); err != nil {
		a.t.Errorf("agent: %v", err)
		return
	}
	if a.talk != nil {
		a.talk(call)
	} else {
		<-call.over
	}
	if dialog.Context().Err() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := dialog.Bye(ctx); err != nil && !strings.Contains(err.Error(), "ended") {
			a.t.Errorf("agent: %v", err)
		}
	}
}

// say plays a clip; the agent goes on meanwhile.
func (c *agentCall) say(id uint64, clip []int16) {
	audio := make([]byte, len(clip))
	c.law.EncodeTo(audio, clip)
	c.Play(id, audio)
	c.End(id)
}

// hearTurn waits until the caller has spoken and been quiet for 100 ms. onSpeech is
// called when the caller begins. It returns false when the call is over.
func (c *agentCall) hearTurn(onSpeech func()) bool {
	loud, quiet := 0, 0
	for {
		select {
		case f := <-c.frames:
			switch {
			case transcode.Level(c.law, f) > audibleLevel:
				if loud++; loud == 2 {
					onSpeech()
				}
				quiet = 0
			case loud >= 2:
				if quiet++; quiet == 5 {
					return true
				}
			}
		case <-c.over:
			return false
		}
	}
}
