package arch

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A check looks at one package and lists what breaks its rules, each finding with place and reason.
type check func(p *pkg) []string

var checks = map[string]check{
	"Imports":            checkImports,
	"TestImports":        checkTestImports,
	"TestOnlyLibraries":  checkTestOnly,
	"RestrictedPackages": checkElsewhere,
	"BlankImports":       checkBlank,
	"PurePackages":       checkPure,
	"NoInit":             checkInit,
	"PackageComment":     checkComment,
	"PackageName":        checkName,
	"FileSize":           checkSize,
	"GoroutineLeaks":     checkLeaks,
	"NoSilentSkips":      checkSkips,
}

func ruleOf(rs []rule, path string) *rule {
	for i := range rs {
		if matches(rs[i].packages, path) {
			return &rs[i]
		}
	}
	return nil
}

func checkImports(p *pkg) (out []string) {
	r := ruleOf(rules, p.path)
	if r == nil {
		return []string{fmt.Sprintf("%s: has no row in internal/arch/rules_test.go; say what it may import and why", p.path)}
	}
	for _, f := range p.files {
		if f.test {
			continue
		}
		for _, imp := range f.imports() {
			if matches(r.not, imp.path) || !imp.standard() && !matches(r.may, imp.path) {
				out = append(out, fmt.Sprintf("%s: %s must not import %s: %s", f.at(imp.spec.Pos()), p.path, imp.path, r.reason))
			}
		}
	}
	return out
}

func checkTestImports(p *pkg) (out []string) {
	r := ruleOf(testRules, p.path)
	if r == nil {
		return nil
	}
	for _, f := range p.files {
		for _, imp := range f.imports() {
			if f.test && imp.own && matches(r.not, imp.path) {
				out = append(out, fmt.Sprintf("%s: tests of %s must not import %s: %s", f.at(imp.spec.Pos()), p.path, imp.path, r.reason))
			}
		}
	}
	return out
}

func checkTestOnly(p *pkg) (out []string) {
	for _, f := range p.files {
		if f.test {
			continue
		}
		for _, imp := range f.imports() {
			for _, r := range testOnly {
				if matches(r.pattern, imp.path) && !matches(r.except, p.path) {
					out = append(out, fmt.Sprintf("%s: only tests may import %s: %s", f.at(imp.spec.Pos()), imp.path, r.reason))
				}
			}
		}
	}
	return out
}

func checkElsewhere(p *pkg) (out []string) {
	for _, f := range p.files {
		for _, imp := range f.imports() {
			for _, r := range elsewhere {
				if matches(r.pattern, imp.path) && !matches(r.only, p.path) {
					out = append(out, fmt.Sprintf("%s: %s must not import %s: %s", f.at(imp.spec.Pos()), p.path, imp.path, r.reason))
				}
			}
		}
	}
	return out
}

func checkBlank(p *pkg) (out []string) {
	for _, f := range p.files {
		for _, imp := range f.imports() {
			if imp.spec.Name == nil || imp.spec.Name.Name != "_" || blankImports[imp.path] != "" {
				continue
			}
			if (f.test || strings.HasPrefix(p.path, "test/")) && !imp.own { // a driver of database/sql
				continue
			}
			out = append(out, fmt.Sprintf("%s: %s is imported for its effect: plugins and drivers are values, registered where they are used", f.at(imp.spec.Pos()), imp.path))
		}
	}
	return out
}

// checkPure holds pure packages to what imports cannot say: no goroutine, no channel, no clock.
func checkPure(p *pkg) (out []string) {
	r := ruleOf(rules, p.path)
	if r == nil || !r.pure {
		return nil
	}
	for _, f := range p.files {
		if f.test {
			continue
		}
		bad := func(n ast.Node, what string) {
			out = append(out, fmt.Sprintf("%s: %s is pure and must not %s: %s", f.at(n.Pos()), p.path, what, r.reason))
		}
		for _, imp := range f.imports() {
			if imp.standard() && matches(impure, imp.path) {
				bad(imp.spec, "import "+imp.path)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				bad(n, "start a goroutine")
			case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
				bad(n, "use channels")
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && clock[n.Sel.Name] {
					bad(n, "call time."+n.Sel.Name)
				}
			}
			return true
		})
	}
	return out
}

var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "NewTimer": true, "NewTicker": true, "Tick": true,
}

func checkInit(p *pkg) (out []string) {
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, fmt.Sprintf("%s: no init functions: nothing happens at import", f.at(fn.Pos())))
			}
		}
	}
	return out
}

// checkComment wants one package comment, in a file that is not a test.
func checkComment(p *pkg) (out []string) {
	var with []string
	code := false
	for _, f := range p.files {
		if f.test {
			continue
		}
		code = true
		if f.ast.Doc == nil {
			continue
		}
		with = append(with, f.name)
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = "Command " + path.Base(p.path) + " "
		}
		if !strings.HasPrefix(f.ast.Doc.Text(), want) {
			out = append(out, fmt.Sprintf("%s: the package comment begins with %q", f.at(f.ast.Doc.Pos()), want))
		}
	}
	switch {
	case code && len(with) == 0:
		out = append(out, fmt.Sprintf("%s: has no package comment: a package starts with its contract, in doc.go", p.path))
	case len(with) > 1:
		out = append(out, fmt.Sprintf("%s: has package comments in %s: one is enough", p.path, strings.Join(with, ", ")))
	}
	return out
}

func checkName(p *pkg) (out []string) {
	if emptyNames[path.Base(p.path)] {
		out = append(out, fmt.Sprintf("%s: the name says nothing of what is inside; put the code where it is used", p.path))
	}
	return out
}

func checkSize(p *pkg) (out []string) {
	for _, f := range p.files {
		limit := maxLines
		if f.test {
			limit = maxTestLines
		}
		if f.lines > limit && !f.generated {
			out = append(out, fmt.Sprintf("%s: %d lines, more than %d: find the cut", f.name, f.lines, limit))
		}
	}
	return out
}

// checkLeaks wants goleak in the tests of every package that starts goroutines: what a test leaves running hides what a task leaves.
func checkLeaks(p *pkg) []string {
	starts, tests := "", false
	for _, f := range p.files {
		if f.test {
			tests = true
			if slices.ContainsFunc(f.imports(), func(i imported) bool { return i.path == "go.uber.org/goleak" }) {
				return nil
			}
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok && starts == "" {
				starts = f.at(g.Pos())
			}
			if c, ok := n.(*ast.CallExpr); ok && starts == "" && isGroupGo(c) {
				starts = f.at(c.Pos())
			}
			return true
		})
	}
	if starts == "" || !tests {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s starts goroutines, so its tests end with goleak (TestMain)", starts, p.path)}
}

// isGroupGo tells whether c is group.Go(func…), of sync.WaitGroup or errgroup.
func isGroupGo(c *ast.CallExpr) bool {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Go" && len(c.Args) == 1
}

// skipTable is the file with the one table of tests that a server leaves out, each with the reason, and a test of that table.
const skipTable = "connectors/mysql/cdc/servers_integration_test.go"

// checkSkips: a test that skips itself passes for years without having run.
func checkSkips(p *pkg) (out []string) {
	for _, f := range p.files {
		if !f.test || strings.HasSuffix(f.name, skipTable) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Skip" && sel.Sel.Name != "Skipf" && sel.Sel.Name != "SkipNow" {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "t" || x.Name == "b" || x.Name == "f" || x.Name == "tb") {
				out = append(out, fmt.Sprintf("%s: no test skips itself: what needs a real system is behind the build tag integration", f.at(sel.Pos())))
			}
			return true
		})
	}
	return out
}

// stale lists rows of both tables that no package matches although nothing of them is to come.
func stale(pkgs []*pkg, later string) (out []string) {
	for i, r := range rules {
		for pattern := range strings.FieldsSeq(r.packages) {
			used := matches(later, strings.TrimSuffix(pattern, "/..."))
			for _, p := range pkgs {
				used = used || matches(pattern, p.path)
			}
			if !used {
				out = append(out, "row "+strconv.Itoa(i)+": there is no package "+pattern)
			}
		}
	}
	return out
}
