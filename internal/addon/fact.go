package addon

// A Fact is a line of what pg:info and its likes print: most have one value.
type Fact struct {
	Name   string // "Plan"
	Values []string
}
