package cloister_test

import "strings"

// houses says for each package which others of ours it may import; "." is the root. Everything points down, siblings
// never know one another, and a new package starts with a line here. See docs/design.md.
var houses = table(`
	.                            :
	internal/heroku              :
	internal/engine              : .
	internal/plan                : . engine
	internal/doors               :
	internal/engine/enginetest   : . engine
	internal/engine/fake         : . plan engine
	internal/engine/remote       : . plan engine
	internal/engine/local        : . plan engine engine/local/inside doors
	internal/engine/local/inside :
	internal/engine/kube         : . plan engine
	internal/isolation           : . engine
	internal/store               : . plan engine
	buildpacks                   :
	stacks                       :
	services                     :
	internal/build               : . plan engine /buildpacks /stacks /services
	internal/build/endtoend      : . engine engine/local build
	internal/addon               : . engine
	internal/addon/postgres      : . engine addon
	internal/addon/redis         : . engine addon
	internal/addon/kafka         : . engine addon
	internal/addon/endtoend      : . engine engine/local build addon addon/redis addon/kafka addon/postgres
	internal/hostname            : .
	internal/platform            : . plan engine store hostname
	internal/acm                 : .
	internal/acm/acmtest         :
	internal/control             : . plan engine store build addon acm
	internal/logs                : . engine
	internal/metrics             : . plan engine store
	internal/outside             :
	internal/partner             : . outside
	internal/drain               : . logs outside
	internal/drain/draintest     :
	internal/webhook             : . heroku outside
	internal/backup              : . store build
	internal/api                 : . engine heroku platform logs webhook partner
	internal/sso                 : .
	internal/staple              : . outside
	internal/web                 : . platform sso
	internal/gitd                : . engine platform logs
	internal/attach              : . engine platform logs
	internal/sshd                : . engine
	internal/router              : . logs doors
	internal/router/attack       :
	internal/cli/term            :
	internal/cli                 : heroku cli/term
	internal/simulation          : . plan engine engine/fake store platform control
	internal/server              : . acm staple plan engine doors engine/fake engine/local engine/local/inside engine/remote engine/kube store build addon platform control logs metrics outside drain webhook backup api web sso gitd attach sshd router heroku cli cli/term isolation addon/redis addon/postgres addon/kafka partner /services
	cmd/cloister                 : cli server
`)

// testsToo is what tests may import besides, and besides all that is anywhere below their package: kits, and what
// stands for the real thing.
var testsToo = []string{"internal/acm/acmtest", "internal/router/attack", "internal/engine/enginetest", "internal/engine/fake", "internal/engine/remote", "internal/isolation", "internal/drain/draintest", "test/live"}

// confined are libraries that only these packages know, so that leaving one costs one package.
var confined = map[string][]string{
	"database/sql":                           {"internal/store"},
	"modernc.org/sqlite":                     {"internal/store"},
	"github.com/jackc/pgx":                   {"internal/store", "internal/addon/endtoend"},
	"github.com/pressly/goose":               {"internal/store"},
	"github.com/containerd/":                 {"internal/engine/local"},
	"github.com/opencontainers/":             {"internal/engine/local"},
	"github.com/vishvananda/":                {"internal/engine/local"},
	"github.com/quic-go/":                    {"internal/router", "internal/router/attack"},
	"github.com/miekg/dns":                   {"internal/engine/local", "internal/acm", "internal/acm/acmtest"},
	"github.com/mholt/acmez":                 {"internal/acm"},
	"github.com/letsencrypt/pebble":          {"internal/acm/acmtest"},
	"github.com/google/go-containerregistry": {"internal/build", "internal/engine/local", "internal/server"},
	"github.com/alecthomas/kong":             {"internal/cli"},
	"github.com/go-chi/chi":                  {"internal/api", "internal/web", "internal/server"},
	"go.yaml.in/yaml":                        {"internal/build"},
	"github.com/chromedp/":                   {"test/browser"},
	"golang.org/x/crypto/argon2":             {"internal/platform"},
	"golang.org/x/crypto/ssh":                {"internal/sshd"},
	"github.com/pkg/sftp":                    {"internal/sshd"},
	"github.com/coreos/go-oidc":              {"internal/sso"},
	"golang.org/x/oauth2":                    {"internal/sso"},
	"github.com/twmb/franz-go":               {"internal/addon/kafka", "internal/addon/endtoend"},
	"github.com/prometheus/":                 {"internal/metrics", "internal/server"},
}

// long are files over 400 lines, and why. The list only shrinks.
var long = map[string]string{
	"internal/plan/formation_test.go": "one simulation",
}

// hosts of package registries that may be named, and why.
var named = map[string]string{
	"buildpacks/go/bin/compile":     "the public default of a build, when its environment names no other",
	"buildpacks/nodejs/bin/compile": "the public default of a build, when its environment names no other",
}

func table(text string) map[string][]string {
	rows := map[string][]string{}
	for line := range strings.Lines(text) {
		name, may, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		rows[strings.TrimSpace(name)] = []string{}
		for _, m := range strings.Fields(may) {
			if m != "." && !strings.HasPrefix(m, "/") {
				m = "internal/" + m
			}
			rows[strings.TrimSpace(name)] = append(rows[strings.TrimSpace(name)], strings.TrimPrefix(m, "/"))
		}
	}
	return rows
}
