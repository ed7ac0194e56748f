package sdp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/trunkline/trunkline/transcode"
)

// theirs is key material of n bytes that differ by seed, and inline the text of it.
func theirs(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed*50 + i)
	}
	return b
}

func inline(seed, n int) string {
	return "inline:" + base64.StdEncoding.EncodeToString(theirs(seed, n))
}

// secret makes our keys; a policy and suites may be added.
func secret(p Policy, only ...Suite) Local {
	l := testLocal
	l.SRTP, l.Suites = p, only
	l.Keys = Keys{seed: [32]byte{1, 2, 3}}
	return l
}

func audio(profile string, attributes ...string) string {
	return lines(append([]string{"c=IN IP4 192.0.2.1", "m=audio 5000 " + profile + " 0"}, attributes...)...)
}

// The example of RFC 4568 §9.1 and what else is seen on the wire.
func TestParseCryptoTakes(t *testing.T) {
	rfc := "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
	for value, want := range map[string]Crypto{
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + rfc + "|2^20":            {Tag: 1, Suite: AES128CMSHA80},
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + rfc:                      {Tag: 1, Suite: AES128CMSHA80},
		"999999999 aes_cm_128_hmac_sha1_32 INLINE:" + rfc + "|1048576": {Tag: 999999999, Suite: AES128CMSHA32},
		"0  AES_CM_128_HMAC_SHA1_32   inline:" + rfc + "|2^48 WSH=128": {Suite: AES128CMSHA32},
		"007 AES_CM_128_HMAC_SHA1_80 inline:" + rfc + "|2^0 -NEW=1":    {Tag: 7, Suite: AES128CMSHA80},
	} {
		got, ok := parseCrypto(value)
		want.Key = NewKey([]byte("YS___semctl () {\t220;}\n}\nunles"))
		if !ok || got != want {
			t.Errorf("%s: %v %d %s, key right %v", value, ok, got.Tag, got.Suite, got.Key == want.Key)
		}
	}
	for _, s := range suites {
		n := s.key + s.salt
		for _, text := range []string{inline(3, n), strings.TrimRight(inline(3, n), "=")} {
			if c, ok := parseCrypto(fmt.Sprintf("5 %s %s", s.name, text)); !ok || c != (Crypto{5, s.name, NewKey(theirs(3, n))}) {
				t.Errorf("%s is not taken", s.name)
			}
		}
		for _, wrong := range []int{n - 1, n + 1, n + 16, n - 16} {
			if _, ok := parseCrypto(fmt.Sprintf("5 %s %s", s.name, inline(3, wrong))); ok {
				t.Errorf("%s takes %d bytes", s.name, wrong)
			}
		}
	}
}

func TestParseCryptoPassesOver(t *testing.T) {
	key := inline(1, 30)
	for _, value := range []string{
		"", "1", "1 AES_CM_128_HMAC_SHA1_80",
		"x AES_CM_128_HMAC_SHA1_80 " + key, "-1 AES_CM_128_HMAC_SHA1_80 " + key, "1234567890 AES_CM_128_HMAC_SHA1_80 " + key,
		"1 F8_128_HMAC_SHA1_80 " + key, "1 AES_CM_128 " + key, "1 NULL_HMAC_SHA1_80 " + key,
		"1 AES_CM_128_HMAC_SHA1_80 " + key[len("inline:"):], "1 AES_CM_128_HMAC_SHA1_80 uri:" + key, "1 AES_CM_128_HMAC_SHA1_80 inline:",
		"1 AES_CM_128_HMAC_SHA1_80 inline:!" + key[len("inline:")+1:],
		"1 AES_CM_128_HMAC_SHA1_80 " + key + "|1:4", "1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^20|1:4", // MKI
		"1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^20|1:4;" + key + "|2^20|2:4", "1 AES_CM_128_HMAC_SHA1_80 " + key + ";" + key,
		"1 AES_CM_128_HMAC_SHA1_80 " + key + "|", "1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^49", "1 AES_CM_128_HMAC_SHA1_80 " + key + "|0",
		"1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^", "1 AES_CM_128_HMAC_SHA1_80 " + key + "|281474976710657", "1 AES_CM_128_HMAC_SHA1_80 " + key + "|3^2",
		"1 AES_CM_128_HMAC_SHA1_80 " + key + " UNENCRYPTED_SRTP", "1 AES_CM_128_HMAC_SHA1_80 " + key + " UNENCRYPTED_SRTCP",
		"1 AES_CM_128_HMAC_SHA1_80 " + key + " UNAUTHENTICATED_SRTP", "1 AES_CM_128_HMAC_SHA1_80 " + key + " KDR=1",
		"1 AES_CM_128_HMAC_SHA1_80 " + key + " WSH=64 FEC_ORDER=FEC_SRTP", "1 AES_CM_128_HMAC_SHA1_80 " + key + " SOMETHING",
	} {
		if c, ok := parseCrypto(value); ok {
			t.Errorf("%q is taken as %d %s", value, c.Tag, c.Suite)
		}
	}
}

// Keys belong to the stream they stand in, and to none when they stand before the first.
func TestParseKeepsTheKeysOfEachStream(t *testing.T) {
	line := func(tag int) string { return fmt.Sprintf("a=crypto:%d %s %s", tag, AES128CMSHA80, inline(tag, 30)) }
	s := mustParse(t, lines("c=IN IP4 192.0.2.1", line(9), "m=audio 1 RTP/SAVP 0", line(2), "a=crypto:3 NEW inline:x", line(1), line(2),
		"m=video 2 RTP/SAVP 96", line(4), "m=audio 3 RTP/AVP 0"))
	var got []string
	for _, m := range s.Media {
		tags := ""
		for _, c := range m.Crypto {
			tags += fmt.Sprint(c.Tag)
		}
		got = append(got, fmt.Sprintf("%s of %d", tags, m.cryptoLines))
	}
	if want := "[21 of 4 4 of 1  of 0]"; fmt.Sprint(got) != want {
		t.Errorf("keys %v, want %s", got, want)
	}
}

// What each policy makes of each kind of offer: the suite agreed on, or the refusal.
func TestAnswerByPolicy(t *testing.T) {
	cm, gcm := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline(1, 30), "a=crypto:2 AEAD_AES_256_GCM "+inline(2, 44)
	mki := "a=crypto:7 AES_CM_128_HMAC_SHA1_80 " + inline(1, 30) + "|2^20|1:1"
	plain, secure := "RTP/AVP", "RTP/SAVP"
	for _, tc := range []struct {
		offer                   string
		off, optional, required any
	}{
		{audio(plain), Suite(""), Suite(""), ErrPlain},
		{audio(plain, cm), Suite(""), AES128CMSHA80, AES128CMSHA80},
		{audio(plain, gcm, cm), Suite(""), AES256GCM, AES256GCM},
		{audio(plain, mki), Suite(""), Suite(""), ErrCrypto},
		{audio(plain, mki, gcm), Suite(""), AES256GCM, AES256GCM},
		{audio(secure), ErrTransport, ErrCrypto, ErrCrypto},
		{audio(secure, cm, gcm), ErrTransport, AES128CMSHA80, AES128CMSHA80},
		{audio(secure, mki), ErrTransport, ErrCrypto, ErrCrypto},
		{audio("rtp/savp", cm), ErrTransport, AES128CMSHA80, AES128CMSHA80},
		{audio("RTP/SAVPF", cm), ErrTransport, ErrTransport, ErrTransport},
		{audio(plain) + audio(secure, cm), Suite(""), AES128CMSHA80, AES128CMSHA80},
		{audio(plain) + audio(secure, mki), Suite(""), Suite(""), ErrCrypto},
		{audio(secure, mki) + audio(plain), Suite(""), Suite(""), ErrCrypto},
	} {
		for p, want := range map[Policy]any{Off: tc.off, Optional: tc.optional, Required: tc.required} {
			n, body, err := Answer(mustParse(t, tc.offer), secret(p))
			switch want := want.(type) {
			case Suite:
				if err != nil || n.SRTP.Suite != want || strings.Count(string(body), "a=crypto:") != len(n.SRTP.line()) {
					t.Errorf("%s: %q is answered with %q, %v, want %q", p, tc.offer, n.SRTP.Suite, err, want)
				}
			case *Refusal:
				if !errors.Is(err, want) {
					t.Errorf("%s: %q: %v, want %v", p, tc.offer, err, want)
				}
			}
		}
	}
}

// The answer mirrors the profile, takes the offerer's tag and says our own key.
func TestAnswerSaysOurKey(t *testing.T) {
	local := secret(Optional)
	for _, s := range suites {
		for _, profile := range []string{"RTP/SAVP", "RTP/AVP"} {
			n, body, err := Answer(mustParse(t, audio(profile, fmt.Sprintf("a=crypto:42 %s %s", s.name, inline(1, s.key+s.salt)))), local)
			want := fmt.Sprintf("m=audio 20002 %s 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:42 %s inline:%s\r\na=ptime:20\r\n", profile, s.name, local.Keys.Key(s.name).inline())
			if err != nil || !strings.Contains(string(body), want) {
				t.Fatalf("%v\n%s\nwant\n%s", err, body, want)
			}
			back := mustParse(t, string(body)).Media[0].Crypto
			if len(back) != 1 || n.SRTP != (SRTP{s.name, 42, back[0].Key, NewKey(theirs(1, s.key+s.salt))}) || n.SRTP.Send == n.SRTP.Receive {
				t.Errorf("%s: agreed on other keys than those in the texts", s.name)
			}
		}
	}
}

// A refresh says the same key; another suite has another one; and a suite that comes back
// has a new one.
func TestOurKeys(t *testing.T) {
	k, seen := NewKeys(), map[string]bool{}
	for _, s := range suites {
		first := k.Key(s.name)
		if first != k.Key(s.name) || len(first.Material()) != s.key+s.salt || seen[first.material[:16]] {
			t.Errorf("%s: %d bytes, or not its own", s.name, len(first.Material()))
		}
		seen[first.material[:16]] = true
		k.Retire(s.name)
		if next := k.Key(s.name); next.material[:16] == first.material[:16] {
			t.Errorf("%s: a retired key comes back", s.name)
		}
	}
	if NewKeys().Key(AES256GCM) == NewKeys().Key(AES256GCM) {
		t.Error("two calls have one key")
	}
	if k.Retire("unknown"); k.Key("unknown") != (Key{}) {
		t.Error("a key for an unknown suite")
	}
}

// A description of ours that was built without keys must not carry some that anybody could make.
func TestNoKeysNoEncryption(t *testing.T) {
	local := testLocal
	cm := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline(1, 30)
	if n, body, err := Answer(mustParse(t, audio("RTP/AVP", cm)), local); err != nil || n.SRTP != (SRTP{}) || strings.Contains(string(body), "crypto") {
		t.Errorf("%v\n%s", err, body)
	}
	for _, local.SRTP = range []Policy{Optional, Required, Off} {
		if strings.Contains(string(Offer(local)), "crypto") {
			t.Errorf("%v: offers keys", local.SRTP)
		}
	}
	local.SRTP = Required
	if _, _, err := Answer(mustParse(t, audio("RTP/SAVP", cm)), local); !errors.Is(err, ErrCrypto) {
		t.Errorf("%v", err)
	}
}

func TestOfferSaysOurKeys(t *testing.T) {
	for p, want := range map[Policy][]string{
		Off:      {"m=audio 20002 RTP/AVP 0 8 101"},
		Optional: {"m=audio 20002 RTP/AVP 0 8 101", "a=crypto:1 AEAD_AES_256_GCM", "a=crypto:2 AEAD_AES_128_GCM", "a=crypto:3 AES_CM_128_HMAC_SHA1_80", "a=crypto:4 AES_CM_128_HMAC_SHA1_32"},
		Required: {"m=audio 20002 RTP/SAVP 0 8 101", "a=crypto:1 AEAD_AES_256_GCM", "a=crypto:2 AEAD_AES_128_GCM", "a=crypto:3 AES_CM_128_HMAC_SHA1_80", "a=crypto:4 AES_CM_128_HMAC_SHA1_32"},
	} {
		var got []string
		for l := range strings.Lines(string(Offer(secret(p)))) {
			l, _, _ = strings.Cut(strings.TrimSpace(l), " inline:")
			if strings.HasPrefix(l, "m=") || strings.HasPrefix(l, "a=crypto") {
				got = append(got, l)
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%v: offered %q", p, got)
		}
	}
}

// Two ends of ours agree, each with the other's key, whatever suite the answerer has.
func TestOfferAndNegotiateKeys(t *testing.T) {
	for _, p := range []Policy{Optional, Required} {
		for _, s := range offeredSuites {
			ours, other := secret(p), secret(Optional, s)
			other.Keys = NewKeys()
			n, body, err := Answer(mustParse(t, string(Offer(ours))), other)
			if err != nil || n.SRTP.Suite != s {
				t.Fatalf("%v %s: %q, %v", p, s, n.SRTP.Suite, err)
			}
			back, err := Negotiate(mustParse(t, string(body)), ours)
			if err != nil || back.SRTP != (SRTP{s, n.SRTP.Tag, n.SRTP.Receive, n.SRTP.Send}) {
				t.Errorf("%v %s: the ends disagree (%v)", p, s, err)
			}
		}
	}
}

func TestNegotiateHoldsTheAnswerToTheOffer(t *testing.T) {
	key, gcm := inline(1, 30), inline(1, 44)
	for name, tc := range map[string]struct {
		answer                  string
		off, optional, required error
	}{
		"plain":               {audio("RTP/AVP"), nil, nil, ErrPlain},
		"as offered":          {audio("RTP/AVP", "a=crypto:3 AES_CM_128_HMAC_SHA1_80 "+key), nil, nil, nil},
		"stricter":            {audio("RTP/SAVP", "a=crypto:1 AEAD_AES_256_GCM "+gcm), ErrTransport, nil, nil},
		"tag not offered":     {audio("RTP/SAVP", "a=crypto:9 AES_CM_128_HMAC_SHA1_80 "+key), ErrTransport, ErrCrypto, ErrCrypto},
		"another suite's tag": {audio("RTP/AVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+key), nil, ErrCrypto, ErrCrypto},
		"with an MKI":         {audio("RTP/AVP", "a=crypto:3 AES_CM_128_HMAC_SHA1_80 "+key+"|1:1"), nil, ErrCrypto, ErrCrypto},
		"no key":              {audio("RTP/SAVP"), ErrTransport, ErrCrypto, ErrCrypto},
	} {
		for p, want := range map[Policy]error{Off: tc.off, Optional: tc.optional, Required: tc.required} {
			n, err := Negotiate(mustParse(t, tc.answer), secret(p))
			if err != want || err == nil && n.SRTP.Suite != "" && n.SRTP.Receive == (Key{}) {
				t.Errorf("%s, %v: %v, want %v", name, p, err, want)
			}
		}
	}
}

// Our offer in mid-call is the line in force, letter for letter, and its answer may renew
// their key but not choose another line.
func TestReofferKeepsTheKey(t *testing.T) {
	for _, profile := range []string{"RTP/SAVP", "RTP/AVP"} {
		local := secret(Optional)
		last := mustParse(t, audio(profile, "a=crypto:1 AES_256_CM_HMAC_SHA1_80 "+inline(1, 46), "a=crypto:4 AES_CM_128_HMAC_SHA1_80 "+inline(2, 30)))
		agreed, answer, err := Answer(last, local)
		if err != nil || agreed.SRTP.Tag != 1 {
			t.Fatal(err)
		}
		if again := Reoffer(last, agreed, local); string(again) != string(answer) {
			t.Errorf("offer\n%s\nafter answer\n%s", again, answer)
		}
		n, err := Renegotiate(mustParse(t, audio(profile, "a=crypto:1 AES_256_CM_HMAC_SHA1_80 "+inline(9, 46))), last, agreed, local)
		if err != nil || n.SRTP.Send != agreed.SRTP.Send || n.SRTP.Receive != NewKey(theirs(9, 46)) {
			t.Errorf("a renewed key is not taken: %v", err)
		}
		if _, err := Renegotiate(mustParse(t, audio(profile, "a=crypto:4 AES_CM_128_HMAC_SHA1_80 "+inline(2, 30))), last, agreed, local); err != ErrCrypto {
			t.Errorf("another line: %v", err)
		}
		local.SRTP = Required
		if _, err := Renegotiate(mustParse(t, audio("RTP/AVP")), last, agreed, local); err != ErrPlain {
			t.Errorf("a downgrade: %v", err)
		}
	}
}

// A plain call that we offered to go on as one is not encrypted by its answer.
func TestRenegotiateAsksForNoMoreThanWasOffered(t *testing.T) {
	local, key := secret(Optional), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline(1, 30)
	last := mustParse(t, audio("RTP/AVP"))
	agreed, _, err := Answer(last, local)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Renegotiate(mustParse(t, audio("RTP/SAVP", key)), last, agreed, local); err != ErrCrypto {
		t.Errorf("RTP/SAVP: %v", err)
	}
	if n, err := Renegotiate(mustParse(t, audio("RTP/AVP", key)), last, agreed, local); err != nil || n.SRTP != (SRTP{}) {
		t.Errorf("RTP/AVP: %q, %v", n.SRTP.Suite, err)
	}
}

func TestAnswerOnlyWithTheGivenSuites(t *testing.T) {
	offer := mustParse(t, audio("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_32 "+inline(1, 30), "a=crypto:2 AES_CM_128_HMAC_SHA1_80 "+inline(1, 30)))
	if n, _, err := Answer(offer, secret(Optional, AES128CMSHA80)); err != nil || n.SRTP.Tag != 2 {
		t.Errorf("%+v, %v", n, err)
	}
	if _, _, err := Answer(offer, secret(Optional, AES256GCM)); err != ErrCrypto {
		t.Errorf("%v", err)
	}
}

// Nothing that is logged, printed or wrapped shows a key.
func TestKeysDoNotPrint(t *testing.T) {
	local := secret(Optional)
	offer := mustParse(t, audio("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline(1, 30)))
	n, _, _ := Answer(offer, local)
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("x", "n", n, "offer", offer, "local", local, "key", n.SRTP.Send, "keys", local.Keys)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "n", n, "offer", offer, "local", local, "key", n.SRTP.Send, "keys", local.Keys)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&b, verb+"\n", n)
		fmt.Fprintf(&b, verb+"\n", offer.Media[0].Crypto)
		fmt.Fprintf(&b, verb+"\n", local)
		fmt.Fprintf(&b, verb+"\n", n.SRTP.Receive)
	}
	text := b.String()
	for _, key := range []Key{n.SRTP.Send, n.SRTP.Receive} {
		for _, form := range []string{key.material[:8], key.inline()[:8], fmt.Sprintf("%x", key.material[:6]), fmt.Sprintf("%X", key.material[:6]),
			strings.Trim(fmt.Sprint([]byte(key.material[:4])), "[]"), strings.Trim(fmt.Sprintf("%q", key.material[:8]), `"`)} {
			if strings.Contains(text, form) {
				t.Errorf("%q is printed in\n%s", form, text)
			}
		}
	}
	if !strings.Contains(text, redacted) || strings.Contains(text, "1 2 3 0") {
		t.Errorf("printed\n%s", text)
	}
}

// FuzzCrypto holds any offer with keys to what must survive hostile input: what is agreed
// on has keys of the right length, the answer reads back as one line, and both it and our
// offer in mid-call are accepted by ourselves.
func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 "+inline(1, 30)+"|2^20", true)
	f.Add("1 AEAD_AES_128_GCM "+inline(1, 28)+" WSH=99", false)
	f.Add("1 AES_CM_128_HMAC_SHA1_32 "+inline(1, 30)+"|2^31|1:4;"+inline(2, 30)+"|2^31|2:4 KDR=1 UNENCRYPTED_SRTP", true)
	f.Add("2 AES_256_CM_HMAC_SHA1_80 "+inline(1, 46)+"\r\na=crypto:3 AES_256_CM_HMAC_SHA1_32 "+inline(1, 46), true)
	f.Fuzz(func(t *testing.T, value string, secure bool) {
		offer, err := Parse([]byte(audio(profile(secure), "a=crypto:"+value)))
		if err != nil {
			return
		}
		local := secret(Optional)
		local.Laws = []transcode.Law{transcode.PCMU}
		n, body, err := Answer(offer, local)
		if err != nil || n.SRTP.Suite == "" {
			return
		}
		want := n.SRTP.Suite.keyLen()
		if len(n.SRTP.Send.material) != want || len(n.SRTP.Receive.material) != want || want < 28 {
			t.Fatalf("%s with keys of %d and %d bytes", n.SRTP.Suite, len(n.SRTP.Send.material), len(n.SRTP.Receive.material))
		}
		answer, err := Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		chosen, _ := chooseStream(offer, local)
		if c := answer.Media[chosen].Crypto; len(c) != 1 || c[0] != n.SRTP.line()[0] {
			t.Fatalf("the answer reads back with %d keys", len(c))
		}
		if again, err := Renegotiate(answer, offer, n, local); err != nil || again.SRTP.Send != n.SRTP.Send {
			t.Fatalf("our own offer as its answer: %v", err)
		}
	})
}
