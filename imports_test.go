package trunkline

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/trunkline/trunkline"

// mayImport is the import law of docs/design.md: which of our packages each may use. Packages that end in /... stand for
// all below them; a package that is not listed fails the test, so that a new room gets its law when it is built.
var mayImport = map[string][]string{
	"transcode":                   {},
	"tools":                       {},
	"store":                       {},
	"configs":                     {},
	"agent/realtime":              {},
	"store/redisstore":            {"store"},
	"store/boltstore":             {"store"},
	"store/share":                 {"store"},
	"store/redact":                {"store"},
	"store/export":                {"store"},
	"store/storetest":             {"store"},
	"store/outbox":                {"store"},
	"store/sound":                 {"store", "transcode"},
	"telephony/sdp":               {"transcode"},
	"telephony/media":             {"transcode"},
	"telephony/sipua":             {"telephony/sdp", "telephony/media", "transcode"},
	"telephony":                   {"telephony/sipua", "telephony/sdp", "telephony/media", "transcode"},
	"telephony/phone":             {"telephony/sdp", "telephony/media", "transcode"},
	"agent":                       {"agent/realtime", "transcode", "tools", "store"},
	"supervisor":                  {"store", "store/export"},
	"agent/realtime/realtimetest": {"agent/realtime"},
	"agent/simulator":             {"agent/realtime", "transcode"},
	"":                            {"..."},
	"cmd/trunkline":               {"..."},
}

// home is where a library may be imported: one outside library, one home.
var home = map[string][]string{
	"github.com/emiago/sipgo":             {"telephony/sipua", "telephony/phone"},
	"github.com/coder/websocket":          {"agent/realtime", "agent/realtime/realtimetest", "agent/simulator"},
	"github.com/zaf/g711":                 {"transcode"},
	"github.com/redis/go-redis":           {"store/redisstore"},
	"go.etcd.io/bbolt":                    {"store/boltstore"},
	"github.com/spf13/viper":              {"configs"},
	"go.yaml.in/yaml":                     {"configs"},
	"github.com/spf13/cobra":              {"cmd/trunkline"},
	"github.com/pion/rtp":                 {"telephony/media", "telephony/phone"},
	"github.com/pion/srtp":                {"telephony/media"},
	"github.com/prometheus/client_golang": {""},
	"github.com/google/jsonschema-go":     {"tools"},
	"github.com/modelcontextprotocol":     {"tools"},
	"github.com/getkin/kin-openapi":       {"tools"},
	"github.com/lmittmann/tint":           {"cmd/trunkline"},
	"filippo.io/age":                      {"store/sound"},
	"github.com/minio/minio-go":           {"store/sound"},
	"github.com/coreos/go-oidc":           {"supervisor"},
	"golang.org/x/oauth2":                 {"supervisor"},
}

func TestImportLaw(t *testing.T) {
	eachImport(t, func(file, pkg, path string) {
		own, ours := strings.CutPrefix(path, module+"/")
		if path == module {
			own, ours = "", true
		}
		if ours {
			law, known := mayImport[pkg]
			if !known {
				t.Errorf("%s: package %q has no law in mayImport", file, pkg)
			} else if !allowed(law, own) {
				t.Errorf("%s: %q may not import %q", file, pkg, own)
			}
			return
		}
		for library, homes := range home {
			if strings.HasPrefix(path, library) && !allowed(homes, pkg) {
				t.Errorf("%s: %s is imported outside of its home %q", file, path, homes)
			}
		}
	})
}

// eachImport visits every import of every Go file that is not a test.
func eachImport(t *testing.T, visit func(file, pkg, path string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "examples") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(name))
		if pkg == "." {
			pkg = ""
		}
		for _, imp := range f.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			visit(name, pkg, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("saw %d files: the walk is broken", files)
	}
}

func allowed(list []string, pkg string) bool {
	for _, have := range list {
		if have == pkg || have == "..." {
			return true
		}
	}
	return false
}
