package sound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/trunkline/trunkline/store"
)

// S3 is a bucket of a service that speaks like S3.
type S3 struct {
	Endpoint  string // https://HOST or http://HOST:PORT
	Bucket    string
	Region    string // "": it is asked for
	Prefix    string // of the names of the objects
	AccessKey string
	SecretKey string
}

// bucket is where recordings go. Static.
type bucket struct {
	client *minio.Client
	name   string
	prefix string
}

func openBucket(o *S3) (*bucket, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" {
		return nil, errors.New("endpoint of the bucket: write https://HOST")
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure: u.Scheme != "http", Region: o.Region, MaxRetries: 3, BucketLookup: minio.BucketLookupAuto})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Bucket, err)
	}
	return &bucket{client, o.Bucket, o.Prefix}, nil
}

func (b *bucket) put(ctx context.Context, name, path string) error {
	// An MD5 proves the upload; the ways of signing a body in pieces are not understood by every service.
	o := minio.PutObjectOptions{ContentType: "audio/wav", SendContentMd5: true, DisableContentSha256: true}
	_, err := b.client.FPutObject(ctx, b.name, b.prefix+name, path, o)
	if err != nil {
		return fmt.Errorf("upload to bucket %s: %w", b.name, err)
	}
	return nil
}

func (b *bucket) open(ctx context.Context, name string) (file, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return file{}, fmt.Errorf("read from bucket %s: %w", b.name, err)
	}
	info, err := o.Stat()
	if err != nil {
		return file{}, errors.Join(b.fault(err), o.Close())
	}
	return file{o, info.Size, info.LastModified, o.Close}, nil
}

// fault tells an object that is not there from a service that cannot be asked.
func (b *bucket) fault(err error) error {
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: there is no recording of it", store.ErrNotFound)
	}
	return fmt.Errorf("read from bucket %s: %w", b.name, err)
}

func (b *bucket) remove(ctx context.Context, name string) error {
	if err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove from bucket %s: %w", b.name, err)
	}
	return nil
}

// removeDays removes the objects whose day is not after today, and leaves what is not ours. Names sort by day, so the first
// that is later ends the search.
func (b *bucket) removeDays(ctx context.Context, today string) error {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	var errs []error
	for o := range b.client.ListObjectsIter(listing, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return errors.Join(append(errs, fmt.Errorf("list bucket %s: %w", b.name, o.Err))...)
		}
		name := strings.TrimPrefix(o.Key, b.prefix)
		day, _, _ := strings.Cut(name, "/")
		if day > today { // keptDir too
			break
		}
		if !isDay(day) || validName(name) != nil {
			continue
		}
		if err := b.remove(ctx, name); err != nil { // one that is locked keeps no other
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func unescape(base string) (string, bool) {
	id, err := url.PathUnescape(base)
	return id, err == nil && store.ValidateCallID(id) == nil
}
