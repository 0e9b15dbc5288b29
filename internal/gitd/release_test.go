package gitd

import (
	"context"
	"io"
	"strings"
	"testing"
)

// A push waits for the release command, and is a push whatever that says: the code is there, and may be retried.
func TestAPushTellsOfTheReleaseCommand(t *testing.T) {
	t.Parallel()
	for release, ends := range map[string]string{"good": "Waiting for release.... done.", "bad": "Waiting for release.... failed."} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.commit(map[string]string{"a": "1"})
			w.platform.wait = func(context.Context, io.Writer) (Outcome, error) {
				return Outcome{Succeeded: true, Release: release}, nil
			}
			out := w.git("push", w.url("owner", "shop.git"), "main")
			w.says(out, "Verifying deploy... done.")
			w.says(out, "Running release command...")
			w.says(out, "migrating")
			w.says(out, ends)
			if strings.Contains(out, "\x1b[31m") {
				t.Error("control characters of the command come through")
			}
		})
	}
}
