// Package services holds what the images of data services are made of: for each, the Debian release, the packages on top
// of its essential ones, and files of our own that are laid over them, such as the command that runs the service.
//
// It is data. How an image is made of it is the business of package build.
package services

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed all:*
var files embed.FS

// A Recipe says what is in the image of a service.
type Recipe struct {
	Name     string
	Suite    string   // Debian's code name: "trixie"
	Packages []string // beside Debian's essential ones
	Files    fs.FS    // laid over the system, each by its path from /; what is in a directory bin can be run
	Sum      string   // 12 hex digits that change with anything of the recipe
}

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
	for lines := bufio.NewScanner(strings.NewReader(string(list))); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			r.Packages = append(r.Packages, line)
		}
	}
	if r.Files, err = fs.Sub(dir, "files"); err != nil {
		return Recipe{}, err
	}
	r.Sum, err = sum(dir)
	return r, err
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
