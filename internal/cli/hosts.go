package cli

import (
	_ "embed"
	"path/filepath"
	"strings"
)

// strays are hosts that Heroku's CLI names itself, whatever its settings say (platform-api 1.4). They are in hosts.js too.
var strays = []string{"api.metrics.heroku.com", "api.metrics.herokai.com", "particleboard.heroku.com", "telex.heroku.com"}

// hosts is loaded by Node.js before Heroku's CLI, and has those hosts lead to HEROKU_HOST.
//
//go:embed hosts.js
var hosts []byte

// nodeOptions are Node's, with hosts.js among them.
func (s *Session) nodeOptions() (string, error) {
	file := filepath.Join(filepath.Dir(s.file), "hosts.js")
	if err := writeFile(file, hosts); err != nil {
		return "", err
	}
	ours, now := `--require="`+filepath.ToSlash(file)+`"`, s.getenv("NODE_OPTIONS")
	if strings.Contains(now, ours) {
		return now, nil
	}
	return strings.TrimSpace(now + " " + ours), nil
}
