package supervisor

import (
	"testing"

	"github.com/trunkline/trunkline/store/storetest"
)

// TestMain fails the package when a test left a goroutine behind.
func TestMain(m *testing.M) { storetest.Main(m) }
