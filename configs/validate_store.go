package configs

import (
	"regexp"
	"strings"
)

// store checks where transcripts and recordings are kept.
func (k *checker) store() {
	if k.Store.Redis != nil {
		k.redis(k.Store.Redis)
	}
	if k.Store.Spool != "" && k.Store.Spool == k.Store.Path {
		k.fault("store.spool", "is the same file as store.path; name another")
	}
	for i := range k.Agents {
		if r := k.Agents[i].Recording; r != nil && r.Notice == "" && !r.Told {
			k.fault(element("agents", i)+".recording", "says nothing to the caller; name a clip in notice, or write told: true when they are told by other means")
		}
	}
	k.recordings(&k.Recordings)
}

func (k *checker) redis(r *Redis) {
	if r.URL.IsZero() {
		return // required says so
	}
	u, err := r.URL.parse("redis", "rediss", "unix")
	switch {
	case err != nil:
		k.fault("store.redis.url", "%v", err)
		return
	case u.Scheme == "unix" && u.Path == "":
		k.fault("store.redis.url", "names no socket; write unix:///PATH")
	case u.Scheme == "unix" && (len(r.Cluster) > 0 || r.Sentinel != nil):
		k.fault("store.redis.url", "is a socket of this machine, which neither a Cluster nor Sentinels have; write redis://HOST:6379")
	case u.Scheme != "unix" && strings.Trim(strings.TrimPrefix(u.Path, "/"), "0123456789") != "":
		k.fault("store.redis.url", "ends in something other than the number of a database; write redis://HOST:6379/0")
	case len(r.Cluster) > 0 && strings.Trim(u.Path, "/0") != "":
		k.fault("store.redis.url", "names a database, and a Cluster has only 0; remove %s", u.Path)
	}
	if len(r.Cluster) > 0 && r.Sentinel != nil {
		k.fault("store.redis.cluster", "is given beside sentinel; keep one of the two")
	}
	k.addresses(r.Cluster, "store.redis.cluster")
	if r.Sentinel != nil {
		k.addresses(r.Sentinel.Addresses, "store.redis.sentinel.addresses")
	}
	if !redisPrefix.MatchString(r.Prefix) {
		k.fault("store.redis.prefix", "may hold letters, digits and : . _ - only")
	}
	if u.Scheme != "rediss" && (r.CA != "" || r.Certificate != "" || r.ServerName != "") {
		k.fault("store.redis.url", "is not encrypted, so ca, certificate and server_name do not matter; write rediss://")
	}
	k.pair(r.Certificate, r.Key, "store.redis")
}

var redisPrefix = regexp.MustCompile(`^[A-Za-z0-9:._-]{1,64}$`)

func (k *checker) addresses(list []string, key string) {
	for i, text := range list {
		if host, _, _ := strings.Cut(text, ":"); !validHostPort(text) || host == "" {
			k.fault(element(key, i), "must be HOST:PORT, such as redis-2:6379")
		}
	}
}

// pair checks that a certificate has its key.
func (k *checker) pair(certificate, key File, at string) {
	switch {
	case certificate != "" && key == "":
		k.fault(at+".key", "is missing; name the file with the private key of the certificate")
	case certificate == "" && key != "":
		k.fault(at+".certificate", "is missing; name the file with the certificate of the key")
	}
}

func (k *checker) recordings(r *Recordings) {
	if s := r.S3; s != nil {
		if u, err := s.Endpoint.parse("https", "http"); !s.Endpoint.IsZero() && err != nil {
			k.fault("recordings.s3.endpoint", "%v", err)
		} else if err == nil && strings.Trim(u.Path, "/") != "" {
			k.fault("recordings.s3.endpoint", "has a path; write the bucket's name in bucket, and what its objects begin with in prefix")
		}
	}
	for i, text := range r.Recipients {
		if !strings.HasPrefix(text, "age1") {
			k.fault(element("recordings.recipients", i), "must be a public key of age, age1...; age-keygen makes one")
		}
	}
	secret := r.Identity.Reveal()
	switch {
	case secret != "" && !strings.HasPrefix(strings.ToUpper(secret), "AGE-SECRET-KEY-"):
		k.fault("recordings.identity", "must be a secret key of age, AGE-SECRET-KEY-1...; age-keygen makes one")
	case secret == "" && len(r.Recipients) > 0:
		k.warn("recordings.recipients", "encrypts recordings, and without identity nobody can listen to them on the page")
	}
}
