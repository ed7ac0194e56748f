package boltstore

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/trunkline/trunkline/store/storetest"
)

// holdVariable makes the test binary a process that holds the file it names until its input ends.
const holdVariable = "BOLTSTORE_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		hold(path)
		return
	}
	storetest.Main(m)
}

func hold(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer s.Close()
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
}
