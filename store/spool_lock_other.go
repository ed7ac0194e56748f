//go:build !unix

package store

import "os"

// lockFile does nothing: these systems have no advisory lock in the standard library. Two processes must be given two
// spool paths there.
func lockFile(*os.File) error { return nil }
