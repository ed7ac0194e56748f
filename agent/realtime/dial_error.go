package realtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// dialError describes a failed upgrade without the credentials that the address or the request may hold.
func dialError(address string, resp *http.Response, err error) *DialError {
	e := &DialError{Address: address, Err: innermost(err)}
	if resp == nil {
		return e
	}
	e.Status = resp.StatusCode
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	e.Code = errorCode(resp.Body)
	return e
}

// innermost passes over the *url.Error of net/http, whose text holds the whole address, and what is wrapped around it.
func innermost(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// publicParameters are the query parameters that tell where a connection goes. The others may be keys.
var publicParameters = []string{"model", "deployment", "api-version", "intent"}

// publicAddress is the address as far as it may be logged.
func publicAddress(u *url.URL) string {
	query, public := u.Query(), url.Values{}
	for _, name := range publicParameters {
		if query.Has(name) {
			public.Set(name, query.Get(name))
		}
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawQuery: public.Encode()}).String()
}

// retryAfter reads the header's two forms (RFC 9110 §10.2.3); 0 for anything else.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(header); err == nil {
		return max(0, time.Duration(min(s, 24*3600))*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// errorCode reads the code of an error body. The message stays where it is: servers repeat parts of the key in it.
func errorCode(body io.Reader) string {
	if body == nil {
		return ""
	}
	text, err := io.ReadAll(io.LimitReader(body, 1024))
	if err != nil {
		return ""
	}
	var answer struct {
		Error *wireError `json:"error"`
	}
	if unlessMistyped(json.Unmarshal(text, &answer)) != nil {
		return ""
	}
	return answer.Error.error().Code
}

// networkVerdict judges a dial that got no answer. A certificate does not become valid by asking again.
func networkVerdict(err error) Verdict {
	if errors.Is(err, context.Canceled) {
		return VerdictEnded
	}
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, badHost := errors.AsType[x509.HostnameError](err)
	if badCertificate || badHost || errors.Is(err, errAddress) || errors.Is(err, errScheme) {
		return VerdictFatal
	}
	return VerdictRetry
}
