package simulation

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// What a plain `go test` plays of the long histories, beside the short ones: always the same, so that a change is judged
// by what it changes. For new ones: -rapid.seed=0 -rapid.checks=5000 -first=10001 -timeout 4h. A long one takes most of a
// second of one processor, and a short one a tenth of that.
var usual = map[string]string{"rapid.checks": "30", "rapid.seed": "1"}

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
