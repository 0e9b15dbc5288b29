package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// many makes one space after the other, and tells what the last ones cost beside the first, and what the machine
// holds for each.
func (m *machine) many(n int) (all []engine.Space, err error) {
	rules, routes, err := m.holds()
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := range n {
		start := time.Now()
		s, err := m.space(1 + i)
		if err != nil {
			return nil, fmt.Errorf("space %d: %w", i+1, err)
		}
		all = append(all, s)
		took = append(took, time.Since(start))
	}
	few := min(5, n) // one alone may have been disturbed
	first, last := median(took[:few]), median(took[n-few:])
	fmt.Printf("\n%d spaces: the first in %s, the last in %s (medians of %d), ratio %.2f\n", n, first.Round(100*time.Microsecond),
		last.Round(100*time.Microsecond), few, last.Seconds()/first.Seconds())
	moreRules, moreRoutes, err := m.holds()
	if err != nil {
		return nil, err
	}
	fmt.Printf("on the machine, each space takes %.1f lines of nft and %.1f routes\n", float64(moreRules-rules)/float64(n), float64(moreRoutes-routes)/float64(n))
	return all, nil
}

// holds counts what the machine's own namespace holds: elements of sets count as lines.
func (m *machine) holds() (rules, routes int, err error) {
	table, err := exec.Command("nft", "list", "ruleset").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("list rules: %w", err)
	}
	lines, err := exec.Command("ip", "route", "show", "table", "all").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("list routes: %w", err)
	}
	text := string(table)
	return strings.Count(text, "\n") + strings.Count(text, ", "), strings.Count(string(lines), "\n"), nil
}
