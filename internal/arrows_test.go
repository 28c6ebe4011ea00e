// Package internal_test looks at the house as a whole: who imports whom.
package internal_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// arrows is the table of the design: each package of ours and those of ours
// that it may import. A package that is not here has not been decided upon, and
// an arrow that no package uses is taken out.
var arrows = map[string]string{
	".":                     "app app/* softphone softphone/audio sync/engine sync/local internal/office",
	"app":                   "app/model app/view app/widget app/desktop softphone softphone/audio sync/engine assets internal/office",
	"app/model":             "softphone sync/engine sync/local assets internal/office",
	"app/view":              "app/model app/widget internal/office",
	"app/widget":            "assets",
	"app/locale":            "",
	"app/desktop":           "",
	"softphone":             "internal/ua internal/sdp internal/media internal/office",
	"softphone/audio":       "internal/media",
	"sync/engine":           "sync/jmap sync/local internal/office",
	"sync/jmap":             "",
	"sync/local":            "internal/office internal/sqldb",
	"assets":                "",
	"internal":              "",
	"internal/office":       "",
	"internal/sdp":          "",
	"internal/media":        "",
	"internal/sqldb":        "",
	"internal/sqldb/pg":     "internal/sqldb",
	"internal/sqldb/pgtest": "", // starts a PostgreSQL for tests and the bench
	"internal/rtp":          "internal/sdp",
	"internal/sipguard":     "",
	"internal/ua":           "internal/rtp internal/sipguard internal/sdp internal/office",
	"internal/bridge":       "internal/ua internal/sdp internal/media",
	"internal/store":        "internal/office internal/sqldb internal/sqldb/pg",
	"internal/auth":         "internal/office internal/store",
	"internal/registrar":    "internal/office internal/store",
	"internal/dialplan":     "internal/office",
	"internal/trunk":        "internal/ua internal/sdp internal/office",
	"internal/mail":         "internal/store internal/office",
	"internal/lamp":         "internal/ua internal/store internal/office",
	"internal/hunt":         "internal/office",
	"internal/voicemail":    "internal/store internal/media internal/auth internal/office assets",
	"internal/pbx":          "internal/ua internal/sdp internal/bridge internal/registrar internal/dialplan internal/hunt internal/trunk internal/lamp internal/voicemail internal/auth internal/store internal/office",
	"internal/api":          "sync/jmap internal/store internal/auth internal/dialplan internal/office",
	"internal/server":       "internal/office internal/sqldb internal/sqldb/pg internal/ua internal/store internal/auth internal/trunk internal/mail internal/voicemail internal/pbx internal/api",
	"internal/cmd/timbred":  "internal/server internal/api internal/office",
	"internal/cmd/office":   "internal/officetest",
	"internal/officetest":   "internal/server internal/api internal/sqldb/pgtest softphone softphone/audio sync/engine sync/jmap sync/local internal/ua internal/sdp internal/media internal/office",
}

// walls says where alone a foreign package may be imported, by prefix.
var walls = map[string]string{
	"fyne.io/":                    ". app app/view app/widget app/desktop",
	"github.com/gen2brain/malgo":  "softphone/audio",
	"github.com/emiago/":          "internal/ua",
	"github.com/pion/":            "internal/rtp",
	"database/sql":                "internal/sqldb internal/sqldb/pg internal/store sync/local",
	"github.com/mattn/go-sqlite3": "internal/sqldb",
	"github.com/jackc/pgx":        "internal/sqldb/pg",
	"net/http":                    "internal/api sync/engine internal/officetest",
	"github.com/go-gl/":           "app/desktop",
	"github.com/nyaruka/":         "internal/dialplan",
	"github.com/danielgtaylor/":   "internal/api",
	"github.com/prometheus/":      "internal/api",
	"github.com/wneessen/go-mail": "internal/mail",
	"github.com/spf13/cobra":      ". internal/cmd/timbred internal/cmd/office",
}

const module = "timbre"

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-tags", "migrated_fynedo,release,lame,opus,nolibopusfile,speexdsp", "-json=ImportPath,Imports,Dir,GoFiles", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	short := func(path string) string {
		if path == module {
			return "."
		}
		return strings.TrimPrefix(path, module+"/")
	}
	allowed := func(list, name string) bool {
		for _, a := range strings.Fields(list) {
			if a == name || strings.HasSuffix(a, "/*") && strings.HasPrefix(name, strings.TrimSuffix(a, "*")) {
				return true
			}
		}
		return false
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath string
			Imports    []string
			Dir        string
			GoFiles    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		for _, f := range p.GoFiles { // so that a cached result is not taken when a file has changed
			if _, err := os.Stat(filepath.Join(p.Dir, f)); err != nil {
				t.Error(err)
			}
		}
		from := short(p.ImportPath)
		used := map[string]bool{}
		to, known := arrows[from]
		if !known {
			t.Errorf("package %s is not in the table", from)
			continue
		}
		for _, i := range p.Imports {
			if i == module || strings.HasPrefix(i, module+"/") {
				used[short(i)] = true
				if !allowed(to, short(i)) {
					t.Errorf("%s imports %s, which the table does not allow", from, short(i))
				}
				continue
			}
			for wall, inside := range walls {
				if strings.HasPrefix(i, wall) && !strings.HasPrefix(i, wall+"test") && !allowed(inside, from) {
					t.Errorf("%s imports %s, which only %s may", from, i, inside)
				}
			}
		}
		for _, name := range strings.Fields(to) {
			if !used[name] && !strings.HasSuffix(name, "*") {
				t.Errorf("%s does not import %s, which the table allows", from, name)
			}
		}
	}
}
