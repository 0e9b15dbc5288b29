package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/store"
)

func TestOpeningADatabaseAgainKeepsWhatIsInIt(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		if !p.shared() {
			return
		}
		x := seed(t, p.open(t))
		for range 2 {
			s := p.open(t)
			same(t, read(t, s, func(tx *store.Tx) (cloister.App, error) { return tx.App(x.app.ID) }), x.app)
		}
	})
}

func TestADatabaseThatCannotBeReachedIsAnError(t *testing.T) {
	for _, dsn := range []string{filepath.Join(t.TempDir(), "no", "such", "dir", "x.db"), "postgres://127.0.0.1:1/none?connect_timeout=1"} {
		if s, err := store.Open(t.Context(), store.Config{DSN: dsn, Key: make([]byte, 32)}); err == nil {
			s.Close()
			t.Errorf("%s was opened", dsn)
		}
	}
}

// banned is SQL that only one of the two databases has, or in which they differ, or which hides something.
var banned = regexp.MustCompile(`(?i)\b(SERIAL|BIGSERIAL|AUTOINCREMENT|NOW\s*\(|CURRENT_TIMESTAMP|JSONB?_\w+|JSONB|ILIKE|FOR\s+UPDATE|FOR\s+SHARE|LISTEN|NOTIFY|CREATE\s+TRIGGER|ARRAY|ANY\s*\(|INSERT\s+OR|REPLACE\s+INTO|LAST_INSERT_ROWID|ROWID|TIMESTAMPTZ|DATETIME|VARCHAR|INTEGER|REAL|BLOB|UUID|LOCK\s+TABLE)\b|->|@>|::|\?|\bNOW\(`)

// columns is a column's definition in the schema; its type must be one of five.
var columns = regexp.MustCompile(`(?m)^  ([a-z_]+) +([A-Z]+)`)

func TestTheSQLIsOneTextForBothDatabases(t *testing.T) {
	for name, text := range sqlTexts(t) {
		if m := banned.FindString(text); m != "" {
			t.Errorf("%s has %q, which is banned:\n%s", name, m, text)
		}
	}
	for _, bad := range []string{"id BIGSERIAL", "a ilike b", "x->>'y'", "now()", "select 1 for  update", "id = ?", "a::text"} {
		if !banned.MatchString(bad) {
			t.Errorf("the rule does not bite: %s", bad)
		}
	}
}

func TestTheSchemaUsesFiveColumnTypes(t *testing.T) {
	files, err := filepath.Glob("schema/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema", err)
	}
	n := 0
	for _, f := range files {
		for _, m := range columns.FindAllStringSubmatch(withoutComments(t, f), -1) {
			n++
			switch m[2] {
			case "TEXT", "BIGINT", "BOOLEAN", "BYTEA", "TIMESTAMP":
			default:
				t.Errorf("%s: column %s has type %s", f, m[1], m[2])
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d columns were seen", n)
	}
}

// sqlTexts is the schema, and every string in the package that is SQL.
func sqlTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, err := filepath.Glob("schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		texts[f] = withoutComments(t, f)
	}
	statement := regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|WHERE|ORDER BY|CREATE)\b`)
	eachFile(t, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }, func(set *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(s) {
					texts[set.Position(lit.Pos()).String()] = s
				}
			}
			return true
		})
	})
	if len(texts) < 50 {
		t.Fatalf("only %d SQL texts were found", len(texts))
	}
	return texts
}

func withoutComments(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`--.*`).ReplaceAllString(string(b), "")
}

func eachFile(t *testing.T, which func(name string) bool, do func(*token.FileSet, *ast.File)) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range names {
		if !which(name) {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		do(set, f)
	}
}

func TestEveryQueryIsTested(t *testing.T) {
	used := map[string]bool{}
	eachFile(t, func(name string) bool { return strings.HasSuffix(name, "_test.go") }, func(_ *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				used[s.Sel.Name] = true
			}
			return true
		})
	})
	n := 0
	eachFile(t, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }, func(_ *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() {
				continue
			}
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); !ok || star.X.(*ast.Ident).Name != "Tx" {
				continue
			}
			n++
			if !used[fn.Name.Name] {
				t.Errorf("no test calls Tx.%s", fn.Name.Name)
			}
		}
	})
	if n < 50 {
		t.Errorf("only %d queries were seen", n)
	}
}
