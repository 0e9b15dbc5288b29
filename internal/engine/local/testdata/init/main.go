// Command init is what the tests show to workloads: nothing but the inside, whatever the tests themselves link.
package main

import "github.com/cloister-dev/cloister/internal/engine/local/inside"

func main() { inside.Main() }
