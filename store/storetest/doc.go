// Package storetest is the law for every backend of package store.
//
//	func TestContract(t *testing.T) { storetest.Run(t, open) }
//
// Run opens a fresh, empty store for each law. The laws say nothing about how a backend works, and everything that
// package store promises about what it does. [Main] fails a package that leaves goroutines behind; redisproc runs the
// real Redis.
package storetest
