package api

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"
)

// missingAtMost is how many of Heroku's routes are not here. Lower it when some are made; never raise it.
const missingAtMost = 88

var parameter = regexp.MustCompile(`\{[^}]*\}`)

func normal(method, path string) string { return method + " " + parameter.ReplaceAllString(path, "{}") }

// schemaRoutes are the routes of Heroku's published schema.
func schemaRoutes(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("testdata/platform-api-schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]struct {
			Links []struct{ Method, Href string }
		}
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, d := range schema.Definitions {
		for _, l := range d.Links {
			out[normal(l.Method, l.Href)] = true
		}
	}
	return out
}

func TestEveryRouteOfHerokuIsHereOrKnownToBeMissing(t *testing.T) {
	t.Parallel()
	schema := schemaRoutes(t)
	if len(schema) != 301 {
		t.Errorf("the schema has %d routes, want 301: is it another one?", len(schema))
	}
	listed := map[string]bool{}
	for _, m := range missingList() {
		listed[normal(m.method, m.path)] = true
	}
	here := map[string]int{}
	router := New(Config{}, nil, Beside{}, slog.New(slog.DiscardHandler)).(chi.Router)
	err := chi.Walk(router, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		here[normal(method, path)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range slices.Sorted(maps.Keys(schema)) {
		if here[route] == 0 {
			t.Errorf("%s is neither here nor in testdata/missing-routes.txt", route)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(listed)) {
		if !schema[route] {
			t.Errorf("testdata/missing-routes.txt has %s, which is no route of Heroku's", route)
		}
	}
	if n := len(listed); n > missingAtMost {
		t.Errorf("%d routes are missing, which are more than the %d there were", n, missingAtMost)
	} else if n < missingAtMost {
		t.Errorf("only %d routes are missing: lower missingAtMost to keep it so", n)
	}
}

func TestNoRouteIsBothHereAndMissing(t *testing.T) {
	t.Parallel()
	a := &API{log: slog.New(slog.DiscardHandler)}
	all := a.implemented()
	for _, m := range missingList() {
		path := parameter.ReplaceAllString(m.path, "x")
		if c := chi.NewRouteContext(); all.Match(c, m.method, path) && normal(m.method, c.RoutePattern()) == normal(m.method, m.path) {
			t.Errorf("%s %s is here: take it off testdata/missing-routes.txt", m.method, m.path)
		}
	}
}
