package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/alecthomas/kong"
)

// TestDocsNameOnlyCommandsThatExist reads what the documents tell people to type. What they say of Heroku's CLI is said
// of ours too.
func TestDocsNameOnlyCommandsThatExist(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&commands{}, kong.ExplicitGroups(groups), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"server": true}
	for _, n := range parser.Model.Children {
		known[n.Name] = true
	}
	for alias, name := range aliases {
		if !known[name] {
			t.Errorf("the alias %s is of %s, which is no command", alias, name)
		}
		known[alias] = true
	}
	typed := regexp.MustCompile(`(?m)^    (?:sudo )?(?:cloister|bin/cloister|heroku) ([a-z][a-z:-]*)`)
	for _, doc := range []string{"cli.md", "first-steps.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", doc))
		if err != nil {
			t.Fatal(err)
		}
		found := typed.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s has no commands", doc)
		}
		for _, m := range found {
			if !known[string(m[1])] {
				t.Errorf("%s tells people to type %q, which is no command", doc, m[1])
			}
		}
	}
}
