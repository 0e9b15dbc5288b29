package cloister_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cloister-dev/cloister"

// A source is a Go file of this module, parsed.
type source struct {
	path string // "internal/store/tx.go"
	dir  string // "internal/store"; "." is the root
	test bool
	set  *token.FileSet
	file *ast.File
	text string
}

// parsed is what sources has read: once for all tests.
var parsed []source

func sources(t *testing.T) (out []source) {
	t.Helper()
	if parsed != nil {
		return parsed
	}
	for _, name := range tracked(t) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") || nested(name) {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, b, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), set, f, string(b)})
	}
	if len(out) < 100 {
		t.Fatalf("only %d files were seen", len(out))
	}
	parsed = out
	return out
}

// nested reports whether a file is of another module inside this one: an example.
func nested(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(path.Join(dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

// tracked is every file that is in git or would be by "git add": or, in an unpacked archive, every file.
func tracked(t *testing.T) (names []string) {
	t.Helper()
	out, err := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err == nil {
		names = strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	} else if err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Lstat(name)
		return err != nil || !info.Mode().IsRegular() // deleted, not committed yet
	})
	slices.Sort(names)
	return slices.Compact(names)
}

func TestPackagesImportOnlyWhatIsBelowThem(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.dir, "internal") && !strings.HasPrefix(s.dir, "cmd") && s.dir != "." && s.dir != "stacks" && s.dir != "buildpacks" {
			continue // tests and measurements of the product as a whole
		}
		used[s.dir] = true
		for _, bad := range wrongImports(s, houses) {
			t.Errorf("%s imports %s", s.path, bad)
		}
	}
	for dir := range used {
		if _, ok := houses[dir]; !ok {
			t.Errorf("package %s is not in the table: say what it may import", dir)
		}
	}
}

// wrongImports is what a file imports against the table, or against the confinement of a library.
func wrongImports(s source, houses map[string][]string) (wrong []string) {
	for _, spec := range s.file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		ours, isOurs := strings.CutPrefix(name, module)
		ours = strings.TrimPrefix(ours, "/")
		if ours == "" {
			ours = "."
		}
		switch {
		case isOurs && (slices.Contains(houses[s.dir], ours) || s.test && (ours == s.dir || slices.Contains(testsToo, ours) || below(houses, s.dir, ours))):
		case isOurs:
			wrong = append(wrong, name)
		case s.dir == "." && !s.test && strings.Contains(strings.Split(name, "/")[0], "."):
			wrong = append(wrong, name+": the nouns need nothing but the standard library")
		default:
			for lib, dirs := range confined {
				if strings.HasPrefix(name, lib) && !slices.Contains(dirs, s.dir) {
					wrong = append(wrong, name+", which is confined to "+strings.Join(dirs, ", "))
				}
			}
		}
	}
	return wrong
}

// below reports whether dir may import name, or something that may, and so on.
func below(houses map[string][]string, dir, name string) bool {
	return slices.ContainsFunc(houses[dir], func(m string) bool { return m == name || below(houses, m, name) })
}

func TestTheImportTableBites(t *testing.T) {
	for _, test := range []struct{ file, imports string }{
		{"space.go", "github.com/go-chi/chi/v5"},
		{"space.go", module + "/internal/plan"},
		{"internal/heroku/app.go", module},
		{"internal/platform/app.go", module + "/internal/control"},
		{"internal/control/app.go", module + "/internal/platform"},
		{"internal/store/app.go", module + "/internal/platform"},
		{"internal/engine/local/x.go", module + "/internal/store"},
		{"internal/engine/local/x_test.go", module + "/internal/store"},
		{"internal/cli/x.go", module},
		{"internal/cli/x.go", module + "/internal/platform"},
		{"internal/router/x.go", module + "/internal/api"},
		{"internal/api/x.go", module + "/internal/store"},
		{"internal/api/x_test.go", module + "/internal/control"},
		{"internal/api/x.go", "database/sql"},
		{"internal/control/x.go", "github.com/containerd/containerd/v2/client"},
		{"internal/new/x.go", module + "/internal/store"},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), test.file, "package x\nimport _ \""+test.imports+"\"", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(wrongImports(source{path: test.file, dir: path.Dir(test.file), test: strings.HasSuffix(test.file, "_test.go"), file: f}, houses)) == 0 {
			t.Errorf("%s may import %s", test.file, test.imports)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		doc := s.file.Doc.Text()
		ok := strings.HasPrefix(doc, "Package "+s.file.Name.Name+" ") || s.file.Name.Name == "main" && strings.HasPrefix(doc, "Command ")
		said[s.dir] = said[s.dir] || ok && len(doc) > 40
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no doc comment that says what it is for", dir)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		_, allowed := long[s.path]
		switch n := strings.Count(s.text, "\n"); {
		case ast.IsGenerated(s.file):
		case n > 400 && !allowed:
			t.Errorf("%s has %d lines: one noun a file", s.path, n)
		case n <= 400 && allowed:
			t.Errorf("%s is short by now: take it off the list", s.path)
		}
	}
}

// A test may sleep between two looks in a loop, and as long as it likes in virtual time.
func TestTestsDoNotSleepToWait(t *testing.T) {
	all := sources(t)
	virtual := map[string]bool{} // packages whose tests live in virtual time
	for _, s := range all {
		for _, spec := range s.file.Imports {
			virtual[s.dir] = virtual[s.dir] || spec.Path.Value == `"testing/synctest"`
		}
	}
	for _, s := range all {
		if s.test && !virtual[s.dir] {
			for _, at := range sleeps(s) {
				t.Errorf("%s: time.Sleep; look again until a deadline, or use testing/synctest", at)
			}
		}
	}
	const sleepy = `package x
import "time"
func a() { time.Sleep(1) }
func b() { for { time.Sleep(1) } }
func c() { for range 3 { func() { time.Sleep(1) }() } }
func d() { for ; ; time.Sleep(1) {} }`
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "x_test.go", sleepy, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := sleeps(source{set: set, file: f}); !slices.Equal(got, []string{"x_test.go:3:12"}) {
		t.Errorf("the rule sees %v", got)
	}
}

func sleeps(s source) (out []string) {
	loops := 0
	var stack []ast.Node
	ast.Inspect(s.file, func(n ast.Node) bool {
		if n == nil {
			switch stack[len(stack)-1].(type) {
			case *ast.ForStmt, *ast.RangeStmt:
				loops--
			}
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			loops++
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && n.Sel.Name == "Sleep" && loops == 0 {
				out = append(out, s.set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return out
}

// A name of the machine that this was written on, or of where its packages came from, helps nobody elsewhere.
var foreign = regexp.MustCompile(`(^|[\s"'=:(` + "`" + `])/(work|root)/|(^|[\s"'=:(])/home/[a-z]|` +
	`\b(registry\.npmjs\.org|registry\.yarnpkg\.com|pypi\.org|files\.pythonhosted\.org|proxy\.golang\.org|sum\.golang\.org|` +
	`registry-1\.docker\.io|index\.docker\.io|ghcr\.io|quay\.io|gcr\.io|crates\.io|deb\.debian\.org)\b|` +
	`\b[\w-]+(\.[\w-]+)*\.(corp|jfrog\.io|pkg\.dev)\b|\b(artifactory|nexus)\.`)

func TestFilesNameNoMachineAndNoRegistry(t *testing.T) {
	for _, name := range tracked(t) {
		if name == "arch_test.go" || name == "go.sum" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := foreign.FindString(string(b))
		_, allowed := named[name]
		switch {
		case slices.Contains(b[:min(len(b), 8000)], 0): // not text
		case found != "" && !allowed:
			t.Errorf("%s names %q", name, strings.TrimSpace(found))
		case found == "" && allowed:
			t.Errorf("%s names none by now: take it off the list", name)
		}
	}
	for _, bad := range []string{"cd /work/main", `"/root/go"`, "/home/ada/x", "https://registry.npmjs.org/x", "mirror.example.corp", "ghcr.io/a/b"} {
		if !foreign.MatchString(bad) {
			t.Errorf("the rule does not see %s", bad)
		}
	}
	for _, good := range []string{"a/work/b", "/workspace", "roots", "chapel/home/x"} {
		if foreign.MatchString(good) {
			t.Errorf("the rule sees %s", good)
		}
	}
}
