package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/connectd/connectd"

// pkg is a folder with Go files; files are ordered by name.
type pkg struct {
	path  string // of its folder, from the top, with slashes
	files []*file
}

type file struct {
	name      string // path from the top
	test      bool
	generated bool
	lines     int
	fset      *token.FileSet
	ast       *ast.File
}

// at is a position in f as people read it.
func (f *file) at(p token.Pos) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(p).Line)
}

// imported is an import of a file; the path of a package of this module is without the module's.
type imported struct {
	path string
	own  bool
	spec *ast.ImportSpec
}

// standard tells whether i is of the standard library.
func (i imported) standard() bool {
	first, _, _ := strings.Cut(i.path, "/")
	return !i.own && !strings.Contains(first, ".")
}

func (f *file) imports() []imported {
	out := make([]imported, 0, len(f.ast.Imports))
	for _, s := range f.ast.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil {
			short, own := strings.CutPrefix(p, module+"/")
			out = append(out, imported{short, own, s})
		}
	}
	return out
}

// parse reads one file; name is its path from the top.
func parse(name string, text []byte) (*file, error) {
	fset := token.NewFileSet()
	a, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := bytes.Count(text, []byte("\n"))
	return &file{name: name, test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(a), lines: lines, fset: fset, ast: a}, nil
}

// tree reads all Go files of the module, whatever their build tags.
func tree(t *testing.T) []*pkg {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var pkgs []*pkg
	byPath := map[string]*pkg{}
	err = filepath.WalkDir(top, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if full != top && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || isModule(full)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			return nil
		}
		rel, err := filepath.Rel(top, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		f, err := parse(rel, text)
		if err != nil {
			t.Errorf("%v", err)
			return nil
		}
		p := byPath[path.Dir(rel)]
		if p == nil {
			p = &pkg{path: path.Dir(rel)}
			byPath[p.path] = p
			pkgs = append(pkgs, p)
		}
		p.files = append(p.files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// isModule tells whether dir has a go.mod of its own (tools has).
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
