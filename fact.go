package cloister

// A Fact is a line of what a data service says of itself, as pg:info and its likes print it: most have one value.
type Fact struct {
	Name   string // "Plan"
	Values []string
}

// A Setting is something about a data service that can be changed while it runs.
type Setting struct {
	Name   string // as the API has it: "maxmemory_policy"
	Value  string
	Values map[string]string // what it can be, and what that means; of what is no choice, what it is now
}
