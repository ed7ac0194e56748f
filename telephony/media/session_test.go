package media

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/trunkline/trunkline/transcode"
)

func TestOpenNeedsItsParts(t *testing.T) {
	pacer := NewPacer()
	defer pacer.Close()
	for _, cfg := range []Config{{}, {Pacer: pacer}, {Ports: &Ports{}}} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	inBubble(t, Config{AllowRemote: func(a netip.Addr) bool { return a != strangerAddr.Addr() }}, func(r *rig) {
		good := Params{Remote: phoneAddr, EventPT: 101}
		for _, c := range []struct {
			name string
			edit func(*Params)
			want error
		}{
			{"ptime too short", func(p *Params) { p.PTime = 5 * time.Millisecond }, ErrParams},
			{"ptime too long", func(p *Params) { p.PTime = 70 * time.Millisecond }, ErrParams},
			{"odd ptime", func(p *Params) { p.PTime = 20500 * time.Microsecond }, ErrParams},
			{"payload type", func(p *Params) { p.PayloadType = 128 }, ErrParams},
			{"event type", func(p *Params) { p.EventPT = 128 }, ErrParams},
			{"same types", func(p *Params) { p.EventPT = 0 }, ErrParams},
			{"no address", func(p *Params) { p.Remote = netip.AddrPort{} }, ErrRemote},
			{"no port", func(p *Params) { p.Remote = netip.AddrPortFrom(phoneAddr.Addr(), 0) }, ErrRemote},
			{"hold", func(p *Params) { p.Remote = netip.MustParseAddrPort("0.0.0.0:4000") }, ErrRemote},
			{"multicast", func(p *Params) { p.Remote = netip.MustParseAddrPort("239.0.0.1:4000") }, ErrRemote},
			{"not allowed", func(p *Params) { p.Remote = strangerAddr }, ErrRemote},
		} {
			p := good
			c.edit(&p)
			if err := r.Start(p); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		mapped := good
		mapped.Remote = netip.MustParseAddrPort("[::ffff:192.0.2.1]:4000")
		if err := r.Start(mapped); err != nil || r.dest != phoneAddr {
			t.Errorf("a mapped address: %v, %v", err, r.dest)
		}
	})
}

func TestAfterClose(t *testing.T) {
	started(t, Params{}, func(r *rig, _ *phone) {
		r.Play(1, voice(1, 1600))
		pass(30 * time.Millisecond)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.link.take()
		if err := r.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := r.Start(Params{Remote: phoneAddr, EventPT: -1}); !errors.Is(err, ErrClosed) {
			t.Errorf("Start: %v", err)
		}
		if n := r.Play(2, voice(1, 160)); n != 0 {
			t.Errorf("accepted %d", n)
		}
		r.End(1)
		r.Hold(false)
		r.Flush()
		pass(time.Second)
		if got := r.link.take(); len(got) != 0 {
			t.Errorf("%d packets after Close", len(got))
		}
		if st := r.Stats(); st.PacketsOut == 0 || r.pacer.Streams() != 0 {
			t.Errorf("%d streams", r.pacer.Streams())
		}
	})
}

func TestCloseBeforeStart(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if r.Port() != 4 {
			t.Errorf("port %d", r.Port())
		}
	})
}

// Calls through all methods at once, for the race detector, while frames are
// heard and sent.
func TestConcurrentUse(t *testing.T) {
	started(t, Params{}, func(r *rig, ph *phone) {
		stop, done := make(chan struct{}), make(chan struct{})
		work := func(f func(i int)) {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						f(i)
					}
				}
			}()
		}
		work(func(i int) { r.Play(uint64(i), voice(i, i%500)); r.End(uint64(i)) })
		work(func(i int) { r.Hold(i%7 == 0) })
		work(func(i int) { r.Status(uint64(i)); r.Queued(); r.Stats() })
		work(func(i int) {
			if i%50 == 0 {
				r.Flush()
			}
		})
		for i := range 500 {
			ph.send(voice(i, 160))
			pass(4 * time.Millisecond)
		}
		close(stop)
		for range 4 {
			<-done
		}
		if got := r.take(); len(got) != 500*160 {
			t.Errorf("%d bytes heard", len(got))
		}
		checkStream(t, r.link.take(), transcode.PCMU, 160, 20*time.Millisecond)
	})
}
