package main

import (
	"fmt"
	"slices"
	"time"
)

// A table is all results: of each row and contender, round by round.
type table struct {
	rows []string
	all  map[string]map[string][]result
}

func (t *table) add(row, contender string, r result) {
	if t.all == nil {
		t.all = map[string]map[string][]result{}
	}
	if t.all[row] == nil {
		t.rows = append(t.rows, row)
		t.all[row] = map[string][]result{}
	}
	t.all[row][contender] = append(t.all[row][contender], r)
}

// print shows medians, and after "ours/theirs" the medians of the ratios of each round: of rates, where more is
// better, and of p99 and processor time, where less is.
func (t *table) print() {
	fmt.Printf("%-11s %9s %9s %9s %9s %7s   %s\n", "", "per s", "p50", "p99", "CPU each", "failed", "ours/theirs: rate, p99, CPU")
	for _, row := range t.rows {
		fmt.Println(row)
		ours := t.all[row]["cloister"]
		for _, c := range contenders {
			theirs := t.all[row][c.name]
			of := func(f func(result) float64) float64 { return median(theirs, f) }
			fmt.Printf("  %-9s %9.0f %9s %9s %9s %7.0f", c.name, of(rate), short(of(p50)), short(of(p99)), short(of(cpu)), of(func(r result) float64 { return float64(r.failed) }))
			if len(ours) == len(theirs) && c.name != "cloister" {
				fmt.Printf("   %8s %8s %8s", ratio(ours, theirs, rate), ratio(ours, theirs, p99), ratio(ours, theirs, cpu))
			}
			fmt.Println()
		}
	}
}

func rate(r result) float64 { return r.rate }
func p50(r result) float64  { return float64(r.p50) }
func p99(r result) float64  { return float64(r.p99) }
func cpu(r result) float64  { return float64(r.cpu) }

func median[T any](all []T, f func(T) float64) float64 {
	var n []float64
	for _, x := range all {
		n = append(n, f(x))
	}
	slices.Sort(n)
	return n[len(n)/2]
}

// ratio is the median of the rounds' ratios.
func ratio(ours, theirs []result, f func(result) float64) string {
	var all []float64
	for i := range ours {
		if f(ours[i]) > 0 && f(theirs[i]) > 0 {
			all = append(all, f(ours[i])/f(theirs[i]))
		}
	}
	if all == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", median(all, func(x float64) float64 { return x }))
}

func short(n float64) string {
	d := time.Duration(n)
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%.1fµs", n/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.2fms", n/1e6)
	}
	return fmt.Sprintf("%.2fs", n/1e9)
}
