package gitd

import (
	"path/filepath"
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestARepositoryComesBackFromItsBundle(t *testing.T) {
	t.Parallel()
	from, to := newWorld(t), newWorld(t)
	file := filepath.Join(t.TempDir(), "bundle")
	bundle := func(id string, want bool) {
		t.Helper()
		if some, err := from.handler.Bundle(t.Context(), id, file); err != nil || some != want {
			t.Fatalf("bundled: %v, %v", some, err)
		}
	}
	bundle(shopID, false) // nothing was ever pushed
	if _, err := from.handler.open(t.Context(), shopID); err != nil {
		t.Fatal(err)
	}
	bundle(shopID, false) // it is empty
	commit := from.commit(map[string]string{"a": "1"})
	from.git("push", from.url("owner", "shop.git"), "main", "main:draft", "main:refs/tags/v1")
	bundle(shopID, true)

	for range 2 { // it may be repeated
		if err := to.handler.Unbundle(t.Context(), shopID, file); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range []string{"refs/heads/main", "refs/heads/draft", "refs/tags/v1"} {
		equal(t, to.ref(ref), commit)
	}
	to.git("fetch", to.url("owner", "shop.git"), "main")
	equal(t, to.git("rev-parse", "FETCH_HEAD"), commit)
	if err := to.handler.Unbundle(t.Context(), cloister.NewID(), to.ca); err == nil {
		t.Error("what is no bundle was taken")
	}
}
