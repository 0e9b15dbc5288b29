package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister/internal/heroku"
)

type appsErrors struct {
	appFlag
	Hours int  `default:"24" help:"How many hours to look back, at most 168."`
	JSON  bool `help:"Print JSON."`
}

// Run counts the errors of an app, by their codes.
func (c *appsErrors) Run(ctx context.Context, s *Session) error {
	h, name, err := c.target(ctx, s)
	if err != nil {
		return err
	}
	until := time.Now()
	from := until.Add(-time.Duration(c.Hours) * time.Hour)
	types, err := h.Formation(ctx, name)
	if err != nil {
		return err
	}
	router, err := h.RouterErrors(ctx, name, from, until)
	if err != nil {
		return err
	}
	sources, counts := []string{"router"}, map[string]map[string]int{"router": sums(router)}
	for _, t := range types {
		e, err := h.DynoErrors(ctx, name, t.Type, from, until)
		if err != nil {
			return err
		}
		sources, counts[t.Type] = append(sources, t.Type), sums(e)
	}
	if c.JSON {
		return s.Term.JSON(counts)
	}
	var rows [][]string
	for _, source := range sources {
		for _, code := range slices.Sorted(maps.Keys(counts[source])) {
			rows = append(rows, []string{source, s.Term.Red(code), strconv.Itoa(counts[source][code])})
		}
	}
	if len(rows) == 0 {
		s.Term.Line("No errors on %s in the last %d hours", s.Term.Cyan(name), c.Hours)
		return nil
	}
	s.Term.Header("Errors on %s in the last %d hours", name, c.Hours)
	s.Term.Table([]string{"Source", "Code", "Count"}, rows)
	return nil
}

func sums(e heroku.Errors) map[string]int {
	out := map[string]int{}
	for code, steps := range e.Data {
		for _, n := range steps {
			out[code] += n
		}
	}
	return out
}
