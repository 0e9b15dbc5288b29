// Package services holds what the images of data services are made of: for each, the Debian release, the packages on top
// of its essential ones, files that Maven knows where to get, and files of our own that are laid over them, such as the
// command that runs the service.
//
// It is data. How an image is made of it is the business of package build.
package services

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
)

//go:embed all:*
var files embed.FS

// A Recipe says what is in the image of a service.
type Recipe struct {
	Name     string
	Suite    string   // Debian's code name: "trixie"
	Packages []string // beside Debian's essential ones
	Jars     []Jar    // of Maven's central repository, in /cloister/lib
	Files    fs.FS    // laid over the system, each by its path from /; what is in a directory bin can be run
	Sum      string   // 12 hex digits that change with anything of the recipe
}

// A Jar is a file in a Maven repository.
type Jar struct {
	Group, Artifact, Version string
	SHA256                   string // hexadecimal
}

// File is the name that it has, there and in an image.
func (j Jar) File() string { return j.Artifact + "-" + j.Version + ".jar" }

// Find returns the recipe with the given name.
func Find(name string) (Recipe, error) {
	dir, err := fs.Sub(files, name)
	if err != nil {
		return Recipe{}, err
	}
	suite, err := fs.ReadFile(dir, "suite")
	if err != nil || strings.Contains(name, "/") {
		return Recipe{}, fmt.Errorf("there is no recipe for service %q", name)
	}
	r := Recipe{Name: name, Suite: strings.TrimSpace(string(suite))}
	list, err := fs.ReadFile(dir, "packages")
	if err != nil {
		return Recipe{}, err
	}
	r.Packages = slices.Collect(lines(list))
	if r.Jars, err = jars(dir); err != nil {
		return Recipe{}, err
	}
	if r.Files, err = fs.Sub(dir, "files"); err != nil {
		return Recipe{}, err
	}
	r.Sum, err = sum(dir)
	return r, err
}

// lines are those of a list, without comments.
func lines(list []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(list)) {
			line, _, _ := strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}

// jars reads the list of jars, where there is one: "group:artifact:version SHA-256".
func jars(dir fs.FS) (out []Jar, err error) {
	list, err := fs.ReadFile(dir, "jars")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for line := range lines(list) {
		name, sum, _ := strings.Cut(line, " ")
		part := strings.Split(name, ":")
		if len(part) != 3 || len(sum) != 64 {
			return nil, fmt.Errorf("line %q names no jar", line)
		}
		out = append(out, Jar{part[0], part[1], part[2], sum})
	}
	return out, err
}

// Names lists the services that there are recipes for, sorted.
func Names() (out []string) {
	dirs, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the directory is embedded
	}
	for _, d := range dirs {
		if d.IsDir() {
			out = append(out, d.Name())
		}
	}
	return out
}

// sum is over the names and the contents of all files of a recipe.
func sum(dir fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:12], err
}
