// Package stacks holds what the stacks that Cloister makes itself are made of: for each, the Debian release and two
// lists of packages, one for the image that apps run on and one for what a build has on top of it.
//
// It is data. How an image is made of it is the business of package build.
package stacks

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed */*.packages */suite
var files embed.FS

// A Recipe says what is in a stack.
type Recipe struct {
	Name  string
	Suite string   // Debian's code name: "bookworm"
	Run   []string // packages of the run image, beside Debian's essential ones
	Build []string // packages that the build image has on top
}

// Find returns the recipe with the given name.
func Find(name string) (Recipe, error) {
	suite, err := fs.ReadFile(files, name+"/suite")
	if err != nil || strings.Contains(name, "/") {
		return Recipe{}, fmt.Errorf("there is no recipe for stack %q", name)
	}
	r := Recipe{Name: name, Suite: strings.TrimSpace(string(suite))}
	if r.Run, err = packages(name + "/run.packages"); err != nil {
		return Recipe{}, err
	}
	r.Build, err = packages(name + "/build.packages")
	return r, err
}

// packages reads a list: one name a line, comments after #.
func packages(name string) ([]string, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out, nil
}
