package tools

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The example of the Standard Webhooks specification, made with another implementation.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func vectorHeaders() http.Header {
	h := http.Header{}
	h.Set("webhook-id", vectorID)
	h.Set("webhook-timestamp", fmt.Sprint(vectorTime))
	h.Set("webhook-signature", vectorSignature)
	return h
}

func TestSignatureVector(t *testing.T) {
	keys, err := webhookKeys(vectorSecret)
	must(t, err)
	h := http.Header{}
	signHeaders(h, keys, vectorID, time.Unix(vectorTime, 0), []byte(vectorBody))
	if got := h.Get("webhook-signature"); got != vectorSignature {
		t.Errorf("got %s", got)
	}
	must(t, VerifyWebhook(vectorSecret, vectorHeaders(), []byte(vectorBody), time.Unix(vectorTime, 0)))
}

func TestVerifyWebhook(t *testing.T) {
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another key"))
	for _, tc := range []struct {
		name   string
		change func(h http.Header, secret, body *string, now *int64)
		want   error
	}{
		{"5 minutes old", func(_ http.Header, _, _ *string, now *int64) { *now += 300 }, nil},
		{"5 minutes ahead", func(_ http.Header, _, _ *string, now *int64) { *now -= 300 }, nil},
		{"too old", func(_ http.Header, _, _ *string, now *int64) { *now += 301 }, ErrWebhookTimestamp},
		{"from the future", func(_ http.Header, _, _ *string, now *int64) { *now -= 301 }, ErrWebhookTimestamp},
		{"end of time", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-timestamp", "9223372036854775807") }, ErrWebhookTimestamp},
		{"before time", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-timestamp", "-9223372036854775808") }, ErrWebhookTimestamp},
		{"no number", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-timestamp", "now") }, ErrWebhookHeaders},
		{"no timestamp", func(h http.Header, _, _ *string, _ *int64) { h.Del("webhook-timestamp") }, ErrWebhookHeaders},
		{"no id", func(h http.Header, _, _ *string, _ *int64) { h.Del("webhook-id") }, ErrWebhookHeaders},
		{"no signature", func(h http.Header, _, _ *string, _ *int64) { h.Del("webhook-signature") }, ErrWebhookHeaders},
		{"other body", func(_ http.Header, _, body *string, _ *int64) { *body += " " }, ErrWebhookSignature},
		{"other id", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-id", "msg_2") }, ErrWebhookSignature},
		{"other time", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-timestamp", fmt.Sprint(vectorTime+1)) }, ErrWebhookSignature},
		{"other key", func(_ http.Header, secret, _ *string, _ *int64) { *secret = other }, ErrWebhookSignature},
		{"new and old key", func(_ http.Header, secret, _ *string, _ *int64) { *secret = other + " " + *secret }, nil},
		{"several signatures", func(h http.Header, _, _ *string, _ *int64) {
			h.Set("webhook-signature", "v1a,xyz v1,AAAA v1,%% "+vectorSignature)
		}, nil},
		{"other version only", func(h http.Header, _, _ *string, _ *int64) {
			h.Set("webhook-signature", "v2,"+strings.TrimPrefix(vectorSignature, "v1,"))
		}, ErrWebhookSignature},
		{"no version", func(h http.Header, _, _ *string, _ *int64) {
			h.Set("webhook-signature", strings.TrimPrefix(vectorSignature, "v1,"))
		}, ErrWebhookSignature},
		{"empty signature", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-signature", "v1,") }, ErrWebhookSignature},
		{"cut signature", func(h http.Header, _, _ *string, _ *int64) { h.Set("webhook-signature", vectorSignature[:20]) }, ErrWebhookSignature},
		{"no secret", func(_ http.Header, secret, _ *string, _ *int64) { *secret = "" }, ErrWebhookSecret},
		{"empty key", func(_ http.Header, secret, _ *string, _ *int64) { *secret = "whsec_" }, ErrWebhookSecret},
		{"bad secret", func(_ http.Header, secret, _ *string, _ *int64) { *secret = "whsec_hunter2!" }, ErrWebhookSecret},
		{"no prefix", func(_ http.Header, secret, _ *string, _ *int64) { *secret = "aHVudGVyMg==" }, ErrWebhookSecret},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, secret, body, now := vectorHeaders(), vectorSecret, vectorBody, int64(vectorTime)
			tc.change(h, &secret, &body, &now)
			err := VerifyWebhook(secret, h, []byte(body), time.Unix(now, 0))
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if err != nil {
				wantNot(t, err.Error(), "hunter2", "MfKQ9r8GKYq", "aHVudGVy")
			}
		})
	}
}

// FuzzVerifyWebhook: no header verifies unless it carries the right signature.
func FuzzVerifyWebhook(f *testing.F) {
	f.Add(vectorID, fmt.Sprint(vectorTime), vectorSignature, []byte(vectorBody))
	f.Add("", "-", "v1, v1,, v1,=", []byte{})
	keys, err := webhookKeys(vectorSecret)
	must(f, err)
	f.Fuzz(func(t *testing.T, id, stamp, sent string, body []byte) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {sent}}
		if VerifyWebhook(vectorSecret, h, body, time.Unix(vectorTime, 0)) != nil {
			return
		}
		right := base64.StdEncoding.EncodeToString(signature(keys[0], id, stamp, body))
		// Base64 ignores line ends, so compare without them; the last digit's spare bits are not compared at all.
		if !strings.Contains(strings.NewReplacer("\r", "", "\n", "").Replace(sent), right[:len(right)-2]) {
			t.Fatalf("%q verified for %q %q", sent, id, stamp)
		}
	})
}
