package conformance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// covered are the topics of the official CLI of which every command is in a script.
var covered = []string{"access", "addons", "certs", "clients", "domains", "drains", "dyno", "keys", "logs", "maintenance", "members", "peerings", "pipelines", "ps", "releases", "run", "sessions", "spaces", "teams", "trusted-ips", "webhooks"}

// uncovered are commands of those topics that no script runs, and why.
var uncovered = map[string]string{
	"pipelines:connect":      "it asks Heroku's own service for GitHub, which the CLI reaches at an address of its own",
	"pipelines:open":         "it opens a browser at Heroku's dashboard",
	"pipelines:setup":        "it asks Heroku's own service for GitHub, which the CLI reaches at an address of its own",
	"spaces:vpn:config":      "VPN connections are not in this version",
	"spaces:vpn:connect":     "VPN connections are not in this version",
	"spaces:vpn:connections": "VPN connections are not in this version",
	"spaces:vpn:destroy":     "VPN connections are not in this version",
	"spaces:vpn:info":        "VPN connections are not in this version",
	"spaces:vpn:update":      "VPN connections are not in this version",
	"spaces:vpn:wait":        "VPN connections are not in this version",
}

// TestEveryCommandIsInAScript asks the official CLI for its commands, and fails for one of a covered topic that no script
// runs, and for one that is said to be in none and is.
func TestEveryCommandIsInAScript(t *testing.T) {
	c := exec.Command(filepath.Join(official(t), "heroku"), "commands", "--json")
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "DISABLE_TELEMETRY=true", "HEROKU_SKIP_NEW_VERSION_CHECK=true")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ ID string }
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	run, seen := inScripts(t), 0
	for _, c := range all {
		topic, _, _ := strings.Cut(c.ID, ":")
		if !slices.Contains(covered, topic) {
			continue
		}
		seen++
		if why := uncovered[c.ID]; why == "" && !run[c.ID] {
			t.Errorf("no script runs heroku %s", c.ID)
		} else if why != "" && run[c.ID] {
			t.Errorf("a script runs heroku %s; take it off the list", c.ID)
		}
	}
	if seen < 60 {
		t.Errorf("the CLI has only %d commands of these topics", seen)
	}
}

// inScripts are the commands of the official CLI that scripts run.
func inScripts(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	command, out := regexp.MustCompile(`(?m)^.*\bheroku ([a-z][a-z:-]*)`), map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllSubmatch(text, -1) {
			out[string(m[1])] = true
		}
	}
	return out
}
