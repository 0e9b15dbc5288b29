package addon

import "github.com/cloister-dev/cloister"

// The nouns that a kind tells its add-ons by.
type (
	Fact    = cloister.Fact
	Setting = cloister.Setting
)
