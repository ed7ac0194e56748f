package trunkline

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// reach connects to the host of an address, with TLS where it is one, and sends no request: a webhook would act on it. It
// tells what was reached. Neither it nor its errors show more of the address than the host.
func reach(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("the address cannot be read")
	}
	secure := u.Scheme == "https" || u.Scheme == "wss"
	host, through := dialled(u, secure), ""
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: asHTTP(u, secure)}); err == nil && proxy != nil {
		host, through = dialled(proxy, proxy.Scheme == "https"), "the proxy "+proxy.Hostname()+" in front of "
		secure = proxy.Scheme == "https"
	}
	conn, err := dialTo(ctx, host, secure)
	if err != nil {
		return "", reason(ctx, err)
	}
	_ = conn.Close()
	if secure {
		return through + u.Host + " answers with a good certificate", nil
	}
	return through + u.Host + " answers", nil
}

func dialTo(ctx context.Context, host string, secure bool) (net.Conn, error) {
	if secure {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", host)
}

// dialled is the host with its port.
func dialled(u *url.URL, secure bool) string {
	port := u.Port()
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// asHTTP is the host of u under the scheme by which proxies are chosen.
func asHTTP(u *url.URL, secure bool) *url.URL {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return &url.URL{Scheme: scheme, Host: u.Host}
}

// reason is why something failed: our own time limit in its words.
func reason(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err // the text of a url.Error holds the whole address
	}
	return err
}

// root is the innermost error: what is around it repeats the address.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
