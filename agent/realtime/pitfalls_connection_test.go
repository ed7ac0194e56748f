package realtime_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trunkline/trunkline/agent/realtime"
	"github.com/trunkline/trunkline/agent/simulator"
	"github.com/trunkline/trunkline/configs"
)

func TestR04EveryEndOfTheSimulatorIsAnError(t *testing.T) {
	ends := map[string]struct {
		end     func(*simulator.Session)
		code    int
		verdict realtime.Verdict
	}{
		"clean":   {func(s *simulator.Session) { s.CloseWith(1000, "bye") }, 1000, realtime.VerdictEnded},
		"restart": {func(s *simulator.Session) { s.CloseWith(1012, "") }, 1012, realtime.VerdictRetry},
		"expired": {(*simulator.Session).Expire, 1001, realtime.VerdictRetry},
		"refused": {func(s *simulator.Session) { s.CloseWith(4000, "no") }, 4000, realtime.VerdictFatal},
		"cut":     {(*simulator.Session).Drop, 1006, realtime.VerdictRetry},
		"broken":  {(*simulator.Session).SendBrokenFrame, 1006, realtime.VerdictRetry},
	}
	for name, e := range ends {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, simulator.Faults{}, func(r *rig) {
				c := r.call(dialOptions{})
				e.end(r.session(0))
				err := untilEnd(r.t.Context(), c)
				wantClose(r.t, err, e.code, e.verdict)
				if _, again := c.Recv(r.t.Context()); !errors.Is(again, err) || c.Send(r.t.Context(), frame(1)) == nil {
					r.t.Error("the end is forgotten")
				}
			})
		})
	}
}

func TestR06AServerThatDoesNotCloseIsNotWaitedFor(t *testing.T) {
	for name, end := range map[string]func(*simulator.Session){"frozen": (*simulator.Session).Freeze, "cut": (*simulator.Session).Drop} {
		t.Run(name, func(t *testing.T) {
			bothDialects(t, simulator.Faults{}, func(r *rig) {
				c := r.call(dialOptions{})
				end(r.session(0))
				r.within(10*time.Second, "Close", func() { c.Close("call ended") })
			})
		})
	}
}

func TestR07MessagesOfAnySizeArrive(t *testing.T) {
	long := simulator.Clip{Name: "long", Text: "a long answer", Samples: make([]int16, 10*8000)}
	answer := func(simulator.Prompt) *simulator.Answer {
		return &simulator.Answer{Do: []simulator.Action{{Say: []string{"long"}}}}
	}
	opts := simulator.Options{AgentClips: []simulator.Clip{long}, Answer: answer, Delta: time.Minute, EvenDeltas: true}
	r := newRig(t, opts, simulator.Faults{})
	c := r.connect(dialOptions{})
	want := pcmu()
	want.Instructions = realtime.Some(strings.Repeat("Be kind. ", 200_000)) // session.updated of almost 2 MB
	want.OutputFormat = realtime.FormatPCM24
	if _, err := realtime.Open(t.Context(), c, want, patience); err != nil {
		t.Fatal(err)
	}
	mustSend(t, c, &realtime.ResponseCreate{})
	if d := until[*realtime.AudioDelta](t, c, nil); len(d.Audio) != 10*48_000 {
		t.Errorf("a delta of %d bytes, want ten seconds of PCM", len(d.Audio))
	}
	until[*realtime.ResponseDone](t, c, nil)
	go func() { // it waits for the reader
		r.session(0).SendText(`{"type":"conversation.item.added","item":{"type":"message","x":"` + strings.Repeat("x", 17<<20) + `"}}`)
		r.session(0).SendEvent("input_audio_buffer.cleared")
	}()
	until[*realtime.AudioCleared](t, c, nil)
	if s := c.Stats(); s.Undecodable != 1 {
		t.Errorf("%d messages were passed over, want the one of more than 16 MiB", s.Undecodable)
	}
}

func TestR08AFrozenLinkIsNoticed(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		c := r.call(dialOptions{PingEvery: 20 * time.Millisecond, PingTimeout: 200 * time.Millisecond})
		ended := make(chan error, 1)
		go func() { ended <- untilEnd(r.t.Context(), c) }()
		r.eventually("a ping is answered", func() bool { return c.Stats().RoundTrip > 0 })
		r.session(0).Freeze()
		r.within(patience, "noticing", func() {
			if err := <-ended; !errors.Is(err, realtime.ErrPingTimeout) || !realtime.IsRetryable(err) {
				r.t.Errorf("the link has ended with %v, want ErrPingTimeout", err)
			}
		})
	})
}

func TestR09ManySendersAndOneStream(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		const senders, each = 8, 30
		c := r.call(dialOptions{AudioQueue: time.Minute})
		var crew sync.WaitGroup
		for n := range senders {
			crew.Go(func() {
				for i := range each {
					item := realtime.Item{ID: fmt.Sprintf("tl_%d_%d", n, i), Type: realtime.ItemMessage, Role: "system",
						Content: []realtime.Part{{Kind: realtime.PartInputText, Text: strings.Repeat("x", 100*n)}}}
					if err := errors.Join(c.Send(r.t.Context(), &realtime.ItemCreate{Item: item}), c.Send(r.t.Context(), frame(n))); err != nil {
						r.t.Error(err)
					}
				}
			})
		}
		for range senders * each {
			until[*realtime.ItemAdded](r.t, c, nil)
		}
		crew.Wait()
		r.eventually("all audio has arrived", func() bool { return r.session(0).Record().InputBytes == senders*each*160 })
		if v := r.session(0).Record().Violations; len(v) != 0 {
			r.t.Errorf("the server refused %+v", v[0])
		}
	})
}

func TestR10KeysAreShownAnewAtEveryConnect(t *testing.T) {
	r := newRig(t, simulator.Options{RequireKey: "ek-2"}, simulator.Faults{})
	_, err := r.dial(dialOptions{Header: bearer("ek-1")}) // the one that was kept
	if e := wantDialError(t, err); e.Status != 401 || e.Code != "invalid_api_key" || !realtime.IsFatal(err) {
		t.Errorf("an old key: %+v", e)
	}
	for _, h := range []http.Header{bearer("ek-2"), {"Api-Key": {"ek-2"}}} {
		r.call(dialOptions{Header: h})
	}
}

func TestR11BusyUpgradesSayWhenToComeBack(t *testing.T) {
	bothDialects(t, simulator.Faults{UpgradeStatus: 429, UpgradeCount: 1, RetryAfter: 3 * time.Second}, func(r *rig) {
		_, err := r.dial(dialOptions{URL: "ws://" + r.host + r.path() + "&api-key=secret"})
		e := wantDialError(r.t, err)
		if e.Status != 429 || e.RetryAfter != 3*time.Second || !realtime.IsRetryable(err) {
			r.t.Errorf("%+v, want one that is worth another attempt in 3 s", e)
		}
		if !strings.Contains(err.Error(), r.host) {
			r.t.Errorf("%v does not name the address", err)
		}
		r.call(dialOptions{})
	})
}

func TestR11CredentialsDoNotFollowARedirect(t *testing.T) {
	r := newRig(t, simulator.Options{RequireKey: "secret"}, simulator.Faults{})
	front := httptest.NewServer(http.RedirectHandler("http://"+r.host+gaPath, http.StatusTemporaryRedirect))
	defer front.Close()
	_, err := r.dial(dialOptions{URL: "ws" + strings.TrimPrefix(front.URL, "http") + gaPath, Header: bearer("secret")})
	if e := wantDialError(t, err); e.Status != http.StatusTemporaryRedirect || !realtime.IsFatal(err) {
		t.Errorf("%v, want a fatal refusal", err)
	}
	if n := len(r.sim.Sessions()); n != 0 {
		t.Errorf("%d sessions came through the redirect", n)
	}
}

func TestR12BuiltAddressesAreTakenAndMixturesAreNot(t *testing.T) {
	for _, built := range []configs.Realtime{
		{Provider: configs.Azure, Resource: "res", Deployment: "d", Dialect: configs.GA},
		{Provider: configs.Azure, Resource: "res", Deployment: "d", Dialect: configs.Preview, APIVersion: "2024-10-01-preview"},
		{Provider: configs.OpenAI, Model: "m", Dialect: configs.GA},
		{Provider: configs.OpenAI, Model: "m", Dialect: configs.Preview},
	} {
		r := newRig(t, simulator.Options{Dialect: built.Dialect, RequireKey: "secret"}, simulator.Faults{})
		built.APIKey = configs.NewSecret("secret")
		address, header, err := built.Endpoint()
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.Scheme, u.Host = "ws", r.host
		r.call(dialOptions{URL: u.String(), Header: header})
	}
	for path, status := range map[string]int{
		"/openai/v1/realtime?model=d&api-version=2025-04-01-preview": 401,
		"/openai/v1/realtime?deployment=d":                           400,
		previewPath:                                                  404,
		"/realtime?model=m":                                          404,
	} {
		r := newRig(t, simulator.Options{}, simulator.Faults{})
		_, err := r.dial(dialOptions{URL: "ws://" + r.host + path, Header: bearer("secret")})
		if e := wantDialError(t, err); e.Status != status || !realtime.IsFatal(err) || !strings.Contains(err.Error(), path[:strings.Index(path, "?")]) {
			t.Errorf("%s: %v, want a fatal %d", path, err, status)
		}
	}
}

func TestR13OddMessagesCostNothing(t *testing.T) {
	odd := simulator.Faults{MissingEventIDs: true, MissingStatus: true, TypeLast: true, DuplicateItems: true}
	bothDialects(t, odd, func(r *rig) {
		c := r.call(dialOptions{})
		for _, text := range []string{"", "{", "null", "[]", `{"type":`, `{"type":"response.audio.delta","delta":"%%%"}`} {
			r.session(0).SendText(text)
		}
		for range 3 {
			r.session(0).SendEvent("nobody.knows.this")
		}
		mustSend(r.t, c, &realtime.ResponseCreate{})
		if done := until[*realtime.ResponseDone](r.t, c, nil); done.Response.Status != "completed" {
			r.t.Errorf("response %+v", done.Response)
		}
		if s := c.Stats(); s.Undecodable == 0 || s.Unknown != 3 {
			r.t.Errorf("%d messages were passed over and %d events unknown, want some and 3", s.Undecodable, s.Unknown)
		}
	})
}

func TestR15RateLimitsAreInformation(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		c := r.call(dialOptions{})
		r.session(0).SendText(`{"type":"rate_limits.updated","rate_limits":[{"name":"dreams","limit":"many","remaining":0,"reset_seconds":null}]}`)
		if e := until[*realtime.RateLimits](r.t, c, nil); len(e.Limits) != 1 || e.Limits[0].Name != "dreams" || e.Limits[0].Remaining != 0 {
			r.t.Errorf("%+v", e)
		}
		mustSend(r.t, c, &realtime.ResponseCreate{})
		until[*realtime.ResponseDone](r.t, c, nil)
	})
}

func TestR16TheWaitForTheSessionIsBounded(t *testing.T) {
	bothDialects(t, simulator.Faults{IgnoreUpdates: true}, func(r *rig) {
		c := r.connect(dialOptions{})
		_, err := realtime.Open(r.t.Context(), c, pcmu(), 100*time.Millisecond)
		if !errors.Is(err, realtime.ErrOpenTimeout) || !realtime.IsRetryable(err) {
			r.t.Errorf("%v, want ErrOpenTimeout", err)
		}
		if n := r.session(0).Record().EarlyAppends; n != 0 {
			r.t.Errorf("%d messages of audio were sent before the session was confirmed", n)
		}
	})
}

func TestR17NoSecretIsWrittenDown(t *testing.T) {
	bothDialects(t, simulator.Faults{}, func(r *rig) {
		c := r.connect(dialOptions{URL: "ws://" + r.host + r.path() + "&api-key=secret-1", Header: bearer("secret-2")})
		want := pcmu()
		want.Instructions = realtime.Some("secret-3")
		if _, err := realtime.Open(r.t.Context(), c, want, patience); err != nil {
			r.t.Fatal(err)
		}
		voice := bytes.Repeat([]byte{0x42, 0x17}, 800)
		mustSend(r.t, c, &realtime.AudioAppend{Audio: voice}, &realtime.ResponseCreate{}, &realtime.ItemCreate{Item: realtime.Item{
			Type: realtime.ItemMessage, Role: "user", Content: []realtime.Part{{Kind: realtime.PartInputText, Text: "secret-4"}}}})
		until[*realtime.ResponseDone](r.t, c, nil)
		r.session(0).SendText(`{"type":"nobody.knows.this","words":"secret-5"}`)
		r.session(0).SendText(`{"type":"response.created","secret-6":`)
		r.session(0).SendError("server_error", "secret-7")
		until[*realtime.ErrorEvent](r.t, c, nil)
		c.Close("over")
		_, err := r.dial(dialOptions{URL: "ws://" + r.host + "/nowhere?api-key=secret-8", Header: bearer("secret-9")})
		text := r.log.String() + fmt.Sprintf("%v %+v", err, err)
		if !strings.Contains(text, "passed over") || strings.Contains(text, "secret") || strings.Contains(text, base64.StdEncoding.EncodeToString(voice[:30])) {
			r.t.Errorf("what was written down:\n%s", text)
		}
	})
}
