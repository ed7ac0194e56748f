package tools

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"

	secretPrefix     = "whsec_"
	signatureVersion = "v1,"
	webhookTolerance = 5 * 60 // seconds, both ways
)

// What [VerifyWebhook] found wrong.
var (
	ErrWebhookSecret    = errors.New(`webhook secret is not "whsec_" and base64`)
	ErrWebhookHeaders   = errors.New("webhook headers missing or malformed")
	ErrWebhookTimestamp = errors.New("webhook timestamp more than 5 minutes off")
	ErrWebhookSignature = errors.New("webhook signature does not match")
)

// VerifyWebhook checks, for a service that receives webhooks, that a request was signed with the secret and is not
// older, or newer, than five minutes. body is the request's body byte for byte, before any decoding. Several secrets,
// separated by spaces, are all tried, and so are several signatures in the header.
//
// A request inside the five minutes can be replayed by who saw it: a service that acts must remember webhook-id.
func VerifyWebhook(secret string, headers http.Header, body []byte, now time.Time) error {
	keys, err := webhookKeys(secret)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return ErrWebhookSecret // no secret verifies nothing
	}
	id, stamp, sent := headers.Get(headerID), headers.Get(headerTimestamp), headers.Get(headerSignature)
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" || sent == "" {
		return ErrWebhookHeaders
	}
	if n := now.Unix(); at < n-webhookTolerance || at > n+webhookTolerance {
		return ErrWebhookTimestamp
	}
	for entry := range strings.FieldsSeq(sent) {
		text, ok := strings.CutPrefix(entry, signatureVersion)
		if !ok {
			continue // a version of the future
		}
		given, err := base64.StdEncoding.DecodeString(text)
		if err == nil && matches(keys, id, stamp, body, given) {
			return nil
		}
	}
	return ErrWebhookSignature
}

// matches compares in constant time.
func matches(keys [][]byte, id, stamp string, body, given []byte) bool {
	for _, key := range keys {
		if hmac.Equal(signature(key, id, stamp, body), given) {
			return true
		}
	}
	return false
}

// webhookKeys reads secrets separated by spaces. The error never shows one.
func webhookKeys(secret string) ([][]byte, error) {
	var keys [][]byte
	for word := range strings.FieldsSeq(secret) {
		text, ok := strings.CutPrefix(word, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) == 0 {
			return nil, ErrWebhookSecret
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// SignWebhook returns what signs requests with the secret, or secrets separated by spaces: it sets the headers that
// [VerifyWebhook] checks. "" signs nothing and only sets the id and the time. The error is [ErrWebhookSecret].
func SignWebhook(secret string) (sign func(h http.Header, id string, now time.Time, body []byte), err error) {
	keys, err := webhookKeys(secret)
	if err != nil {
		return nil, err
	}
	return func(h http.Header, id string, now time.Time, body []byte) { signHeaders(h, keys, id, now, body) }, nil
}

// signHeaders sets the headers of the Standard Webhooks convention, with one signature for each key.
func signHeaders(h http.Header, keys [][]byte, id string, now time.Time, body []byte) {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(headerID, id)
	h.Set(headerTimestamp, stamp)
	var list []string
	for _, key := range keys {
		list = append(list, signatureVersion+base64.StdEncoding.EncodeToString(signature(key, id, stamp, body)))
	}
	if list != nil {
		h.Set(headerSignature, strings.Join(list, " "))
	}
}

// signature is the HMAC-SHA256 of id.timestamp.body.
func signature(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return mac.Sum(nil)
}
