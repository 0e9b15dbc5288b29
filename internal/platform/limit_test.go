package platform_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
)

// use is how much of each limit of cellar is used.
func (h *house) use(t *testing.T) map[cloister.LimitName]int {
	t.Helper()
	all, err := h.Limits(t.Context(), h.viewer, "cellar")
	must(t, err)
	out := map[cloister.LimitName]int{}
	for _, l := range all {
		out[l.Name] = l.Use
	}
	return out
}

// Each limit is reached, refuses in words, is raised by an operator, and then lets more through.
func TestLimitsOfASpace(t *testing.T) {
	web := func(h *house, n int) error {
		_, _, err := h.Scale(t.Context(), h.admin, "quiet-garth", []platform.Scaling{{Type: "web", Quantity: &n}})
		return err
	}
	for name, c := range map[cloister.LimitName]struct {
		limit int // that is set, so that the test need not make a hundred of everything
		more  func(h *house, n int) error
		want  string
	}{
		cloister.LimitApps: {2, func(h *house, n int) error {
			return h.newApp(t, "cellar", fmt.Sprintf("stone-abbey-%d", n))
		}, "Space cellar has 2 apps, and would have 3; the limit is 2. Destroy one,"},
		cloister.LimitDynosPerType: {3, web, "Process type web has 3 dynos, and would have 4; the limit is 3. Choose fewer,"},
		cloister.LimitDynos:        {3, web, "Space cellar has 3 dynos, and would have 4; the limit is 3. Scale something down,"},
		cloister.LimitOneOffs: {2, func(h *house, n int) error {
			_, _, _, err := h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash"})
			return err
		}, "Size Private-S in space cellar has 2 one-off dynos, and would have 3; the limit is 2. Stop one"},
		cloister.LimitTrustedRanges: {2, func(h *house, n int) error {
			var ranges []string
			for i := range n {
				ranges = append(ranges, fmt.Sprintf("192.0.2.%d/32", i))
			}
			_, _, err := h.SetTrusted(t.Context(), h.admin, "cellar", ranges, nil)
			return err
		}, "Space cellar has 2 trusted IP ranges, and would have 3; the limit is 2."},
		cloister.LimitOutboundRules: {2, func(h *house, n int) error {
			var rules []cloister.EgressSpec
			for i := range n {
				rules = append(rules, cloister.EgressSpec{Target: fmt.Sprintf("192.0.2.%d/32", i), Protocol: "tcp", From: 443, To: 443})
			}
			_, _, err := h.SetEgress(t.Context(), h.admin, "cellar", rules, nil)
			return err
		}, "Space cellar has 2 outbound rules, and would have 3; the limit is 2."},
		cloister.LimitDrains: {2, func(h *house, n int) error {
			_, _, err := h.AddDrain(t.Context(), h.admin, "quiet-garth", fmt.Sprintf("https://logs.example.com/%d", n))
			return err
		}, "App quiet-garth has 2 log drains, and would have 3; the limit is 2. Remove one,"},
		cloister.LimitWebhooks: {2, func(h *house, _ int) error {
			_, _, err := h.AddWebhook(t.Context(), h.admin, "quiet-garth", hookSpec)
			return err
		}, "App quiet-garth has 2 webhooks, and would have 3; the limit is 2. Remove one,"},
		cloister.LimitProcessTypes: {2, func(h *house, n int) error {
			types := map[string]string{}
			for i := range n {
				types[fmt.Sprintf("t%d", i)] = "true"
			}
			_, _, err := h.CreateSlug(t.Context(), h.admin, "quiet-garth", platform.SlugSpec{ProcessTypes: types})
			return err
		}, "App quiet-garth has 0 process types, and would have 3; the limit is 2. Declare fewer,"},
	} {
		t.Run(string(name), func(t *testing.T) {
			h := newHouse(t)
			h.deploy(t, "quiet-garth", "web")
			_, err := h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{string(name): &c.limit})
			must(t, err)
			used := h.use(t)[name]
			if name != cloister.LimitApps && name != cloister.LimitOneOffs && name != cloister.LimitDrains && name != cloister.LimitWebhooks {
				used = 0 // these are chosen as a whole
			}
			n := used + 1
			for ; n <= c.limit; n++ {
				must(t, c.more(h, n))
			}
			if name != cloister.LimitProcessTypes { // a slug that nobody has released does not count
				same(t, h.use(t)[name], c.limit)
			}
			err = c.more(h, n)
			if cloister.KindOf(err) != cloister.Invalid || !strings.HasPrefix(err.Error(), c.want) ||
				!strings.HasSuffix(err.Error(), fmt.Sprintf("ask an operator of this installation to raise it: `cloister limits:set %s=%d --space cellar`.", name, n)) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			raised := c.limit + 1
			_, err = h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{string(name): &raised})
			must(t, err)
			must(t, c.more(h, n))
		})
	}
}

func TestWhatIsAboveALimitMayShrink(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	scale := func(n int) error {
		_, _, err := h.Scale(t.Context(), h.admin, "quiet-garth", []platform.Scaling{{Type: "web", Quantity: &n}})
		return err
	}
	must(t, scale(8))
	_, err := h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{"dynos-per-type": new(2), "dynos": new(1)})
	must(t, err)
	same(t, h.last(t).Text, "dynos-per-type of cellar is 2")
	must(t, scale(6))
	must(t, scale(6))
	wantKind(t, scale(7), cloister.Invalid)
	_, err = h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{"dynos-per-type": nil, "dynos": nil})
	must(t, err)
	must(t, scale(7))
}

func TestBadLimitsAreRefused(t *testing.T) {
	h := newHouse(t)
	before := len(h.events(t))
	for name, change := range map[string]map[string]*int{
		`There is no limit "cats". Use one of apps, process-types,`: {"cats": new(1)},
		`A space can have 0 to 1000 for apps.`:                      {"apps": new(1001)},
		`A space can have 0 to 50 for peerings.`:                    {"apps": new(1), "peerings": new(-1)},
	} {
		_, err := h.SetLimits(t.Context(), h.operator, "cellar", change)
		if cloister.KindOf(err) != cloister.Invalid || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	_, err := h.SetLimits(t.Context(), h.operator, "attic", map[string]*int{"apps": new(1)})
	wantKind(t, err, cloister.NotFound)
	same(t, len(h.events(t)), before)
	all, err := h.Limits(t.Context(), h.operator, "cellar")
	must(t, err)
	for _, l := range all {
		same(t, l.Value, l.Default)
	}
}

func TestTwoAtOnceDoNotPassALimit(t *testing.T) {
	h := newHouse(t)
	h.deploy(t, "quiet-garth", "web")
	_, err := h.SetLimits(t.Context(), h.operator, "cellar", map[string]*int{"apps": new(5), "one-offs": new(3)})
	must(t, err)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			h.CreateApp(t.Context(), h.admin, platform.AppSpec{Name: fmt.Sprintf("stone-abbey-%d", i), Space: "cellar"})
		})
		wg.Go(func() { h.Run(t.Context(), h.admin, "quiet-garth", platform.RunSpec{Command: "bash"}) })
	}
	wg.Wait()
	use := h.use(t)
	same(t, []int{use[cloister.LimitApps], use[cloister.LimitOneOffs]}, []int{5, 3})
}
