package platform_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// open are the methods that ask nobody: they are how somebody becomes an actor.
var open = map[string]bool{"Vendor": true, "Vended": true, "VendorTokens": true, "OwnerOf": true, "Resume": true, "Exchange": true, "Refresh": true, "Invited": true, "Join": true, "SignInAs": true, "SignIn": true, "Authenticate": true}

func TestEveryMethodAsksWhetherTheActorMay(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	methods, silent := unasked(files)
	for _, name := range silent {
		if !open[name] {
			t.Errorf("Platform.%s does not call can", name)
		}
	}
	for name := range open {
		if !slices.Contains(silent, name) {
			t.Errorf("%s asks by now; take it off the list", name)
		}
	}
	if methods < 40 {
		t.Errorf("only %d methods were seen", methods)
	}
}

func TestTheRuleThatEveryMethodAsksBites(t *testing.T) {
	const source = `package platform
func (p *Platform) Good(ctx context.Context, a Actor) error { return p.update(ctx, func(tx *Tx) error { return p.can(tx, a) }) }
func (p *Platform) GoodToo(ctx context.Context, a Actor) error { return p.app(a) }
func (p *Platform) app(a Actor) error { return helper(p, a) }
func helper(p *Platform, a Actor) error { return p.can(nil, a) }
func (p *Platform) can(tx *Tx, a Actor) error { return nil }
func (p *Platform) NoContext() error { return nil }
func (p *Platform) unexported(ctx context.Context) error { return nil }
func (o *Other) NotOurs(ctx context.Context) error { return nil }
func (p *Platform) Bad(ctx context.Context, a Actor) error { return p.update(ctx, nil) }
func (p *Platform) BadToo(ctx context.Context, a Actor) error { can := 1; _ = can; return p.loop(a) }
func (p *Platform) Foreign(ctx context.Context, x Other) error { return x.can(ctx) }
func (p *Platform) Ignored(ctx context.Context, a Actor) error { p.can(nil, a); return nil }
func (p *Platform) loop(a Actor) error { return p.loop(a) }
func (p *Platform) update(ctx context.Context, fn func(*Tx) error) error { return fn(nil) }
`
	f, err := parser.ParseFile(token.NewFileSet(), "source.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, silent := unasked([]*ast.File{f})
	same(t, silent, []string{"Bad", "BadToo", "Foreign", "Ignored"})
}

// unasked is the exported methods of *Platform with a context that do not reach can, sorted by name, and how many
// methods there are in all. A call of can whose answer is thrown away does not count.
func unasked(files []*ast.File) (methods int, silent []string) {
	calls := map[string][]string{} // function or method of Platform → what it calls of the same package
	var exported []string
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			recv := receiver(fn)
			if fn.Recv != nil && recv == "" {
				continue // a method of another type
			}
			calls[fn.Name.Name] = callees(fn, recv)
			if recv != "" && fn.Name.IsExported() && takesContext(fn) {
				exported = append(exported, fn.Name.Name)
			}
		}
	}
	var asks func(name string, seen map[string]bool) bool
	asks = func(name string, seen map[string]bool) bool {
		if name == "can" {
			return true
		}
		if seen[name] {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(calls[name], func(c string) bool { return asks(c, seen) })
	}
	for _, name := range exported {
		if !asks(name, map[string]bool{}) {
			silent = append(silent, name)
		}
	}
	slices.Sort(silent)
	return len(exported), silent
}

// receiver is the name of fn's receiver when it is a method of *Platform.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
		return ""
	}
	if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
		if id, ok := star.X.(*ast.Ident); ok && id.Name == "Platform" {
			return fn.Recv.List[0].Names[0].Name
		}
	}
	return ""
}

func takesContext(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		if s, ok := p.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Context" {
			return true
		}
	}
	return false
}

// callees is what fn calls: methods of its receiver (or of a parameter named p, in a plain function) and functions.
func callees(fn *ast.FuncDecl, recv string) (out []string) {
	if recv == "" {
		recv = "p"
	}
	thrown := map[ast.Node]bool{}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if s, ok := n.(*ast.ExprStmt); ok {
			thrown[s.X] = true
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok && x.Name == recv && !(f.Sel.Name == "can" && thrown[call]) {
				out = append(out, f.Sel.Name)
			}
		case *ast.Ident:
			if f.Name != "can" { // can is a method; a plain name is something else
				out = append(out, f.Name)
			}
		}
		return true
	})
	return out
}
