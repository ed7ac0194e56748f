package trunkline

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is what the build recorded: the module's version, or the commit of a build from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "trunkline (unknown build)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return fmt.Sprintf("trunkline %s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
