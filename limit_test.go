package cloister_test

import (
	"testing"

	"github.com/cloister-dev/cloister"
)

func TestLimits(t *testing.T) {
	if len(cloister.Limits) < 9 {
		t.Fatalf("only %d limits", len(cloister.Limits))
	}
	for _, l := range cloister.Limits {
		if got, err := cloister.LimitByName(string(l.Name)); err != nil || got != l {
			t.Errorf("%s: got %v, %v", l.Name, got, err)
		}
		if l.Default > l.Most || l.What == "" || l.Of == "" || l.Less == "" {
			t.Errorf("%s is no whole limit: %+v", l.Name, l)
		}
		if (cloister.SpaceLimits{}).Of(l.Name) != l.Default || (cloister.SpaceLimits{l.Name: 3}).Of(l.Name) != 3 {
			t.Errorf("%s is not what was set, or else the default", l.Name)
		}
		for n, good := range map[int]bool{-1: false, 0: true, l.Most: true, l.Most + 1: false} {
			if err := l.Valid(n); (err == nil) != good {
				t.Errorf("%s=%d: %v", l.Name, n, err)
			}
		}
	}
	if _, err := cloister.LimitByName("cats"); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("a limit of cats: %v", err)
	}
}

func TestAllow(t *testing.T) {
	limits := cloister.SpaceLimits{cloister.LimitApps: 3}
	for _, c := range []struct {
		use, want int
		good      bool
	}{{0, 1, true}, {2, 3, true}, {3, 4, false}, {0, 4, false}, {9, 8, true}, {9, 9, true}, {9, 10, false}, {3, 3, true}} {
		if err := limits.Allow(cloister.LimitApps, "cellar", "Space cellar", c.use, c.want); (err == nil) != c.good {
			t.Errorf("from %d to %d: %v", c.use, c.want, err)
		}
	}
	err := limits.Allow(cloister.LimitApps, "cellar", "Space cellar", 3, 4)
	const want = "Space cellar has 3 apps, and would have 4; the limit is 3. Destroy one, or ask an operator of this installation to raise it: `cloister limits:set apps=4 --space cellar`."
	if err == nil || err.Error() != want || cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
