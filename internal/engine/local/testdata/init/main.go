// Command init is what the tests show to workloads: the inside and the probes of isolation, whatever the tests themselves link.
package main

import (
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
	"github.com/cloister-dev/cloister/internal/isolation"
)

func main() {
	inside.Main()
	isolation.Main()
}
