package simulation

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// What a plain `go test` plays: as many scripts as take about a minute, and the same ones each time, so that a change is
// judged by what it changes. For new ones: -rapid.seed=0 -rapid.checks=5000 -timeout 2h.
var usual = map[string]string{"rapid.checks": "200", "rapid.seed": "1"}

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range usual {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
