package live

import (
	"strings"
	"testing"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// TestReleaseCommand pushes an app with a release command that goes well and then one that fails: whoever pushes sees its
// output, and only the first is run.
func TestReleaseCommand(t *testing.T) {
	s := Start(t)
	w := &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}
	w.deploy(t, "phased", "phased-app")
	before := w.version(t, "phased-app")
	for _, x := range []struct {
		command, ends, status string
		runs                  int
	}{
		{"echo migrating $HEROKU_RELEASE_VERSION on $DYNO; sleep 1; echo migrated", "done.", "succeeded", before + 1},
		{"echo migrating; exit 3", "failed.", "failed", before + 1},
	} {
		out, err := w.tryPush(t, "phased-app", "with a release command", "release: "+x.command+"\n")
		if err != nil {
			t.Fatalf("push: %v\n%s", err, out)
		}
		for _, said := range []string{"Release command declared", "Verifying deploy... done.", "Running release command...", "migrating", "Waiting for release.... " + x.ends} {
			if !strings.Contains(out, said) {
				t.Errorf("who pushes is not told %q:\n%s", said, out)
			}
		}
		newest, err := w.api.Releases(t.Context(), "phased-app", heroku.Latest("version", 1))
		if err != nil || newest[0].Status != x.status {
			t.Errorf("the release is %+v, %v", newest, err)
		}
		if got := w.Cloister(t, "releases:output", "--app", "phased-app"); !strings.Contains(got, "migrating") {
			t.Errorf("its output is %q", got)
		}
		w.settled(t, "phased-app", 4, x.runs)
	}
	if logs := w.Cloister(t, "logs", "--app", "phased-app", "-n", "200"); !strings.Contains(logs, "app[release.") || !strings.Contains(logs, "Process exited with status 3") {
		t.Errorf("the log has nothing of it:\n%s", logs)
	}
}
