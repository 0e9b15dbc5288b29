package cloister_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestEveryDependencyHasALineThatSaysHowToLeaveIt(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:require )?([\w.-]+\.[\w.-]+/\S+) v`).FindAllStringSubmatch(string(mod), -1) {
		modules = append(modules, m[1])
	}
	used := map[string]bool{}
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			best := ""
			for _, m := range modules {
				if (name == m || strings.HasPrefix(name, m+"/")) && len(m) > len(best) {
					best = m
				}
			}
			if best != "" {
				used[best] = true
			}
		}
	}
	lines := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		lines[m[1]] = true
	}
	for m := range used {
		if !lines[m] {
			t.Errorf("%s is used, and docs/dependencies.md does not say why", m)
		}
	}
	for m := range lines {
		if !used[m] {
			t.Errorf("docs/dependencies.md has %s, which nothing uses", m)
		}
	}
}

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	n := 0
	for _, name := range tracked(t) {
		if path.Ext(name) != ".md" || nested(name) {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			n++
			if _, err := os.Stat(path.Join(path.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
	if n == 0 {
		t.Error("no link was seen")
	}
}
