package arch

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// later are packages that have a row before they exist.
const later = "connect/connecttest converters/avro converters/protobuf converters/jsonschema runtime/supervise runtime/external " +
	"rest/auth deploy/operator internal/clock internal/sim"

// TestHouseRules holds every package of the module to the rules.
func TestHouseRules(t *testing.T) {
	pkgs := tree(t)
	if len(pkgs) < 40 {
		t.Errorf("only %d packages were found", len(pkgs))
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		t.Run(name, func(t *testing.T) {
			for _, p := range pkgs {
				findings := checks[name](p)
				slices.Sort(findings)
				for _, f := range findings {
					t.Error(f)
				}
			}
		})
	}
	t.Run("StaleRows", func(t *testing.T) {
		for _, f := range stale(pkgs, later) {
			t.Error(f)
		}
	})
}

// TestChecksFind shows each check a package that breaks it, and one that does not.
func TestChecksFind(t *testing.T) {
	tests := map[string]struct {
		check check
		path  string
		files map[string]string
		want  string // part of the only finding; "" is none
	}{
		"foreign import":         {checkImports, "connect/data", src(`import "github.com/twmb/franz-go/pkg/kgo"`), "must not import github.com/twmb/franz-go/pkg/kgo: the leaves"},
		"own import":             {checkImports, "rest/api", src(`import "github.com/connectd/connectd/runtime/cluster"`), "must not import runtime/cluster"},
		"connector to connector": {checkImports, "connectors/file", src(`import "github.com/connectd/connectd/connectors/hdfs"`), "must not import connectors/hdfs"},
		"allowed import":         {checkImports, "connectors/file", src(`import "github.com/connectd/connectd/connect"`), ""},
		"allowed by folder":      {checkImports, "connectors/mysql/row", src(`import "golang.org/x/text/encoding"`), ""},
		"standard runtime":       {checkImports, "connect/data", src(`import "runtime/metrics"`), ""},
		"own runtime":            {checkImports, "connect/data", src(`import "github.com/connectd/connectd/runtime/metrics"`), "must not import runtime/metrics"},
		"tests are free":         {checkImports, "connect/data", map[string]string{"a_test.go": `import "github.com/twmb/franz-go/pkg/kgo"`}, ""},
		"no row":                 {checkImports, "somewhere", src(``), "has no row"},
		"refused by name":        {checkImports, "cmd/connectd", src(`import "github.com/connectd/connectd/internal/kafkatest"`), "must not import internal/kafkatest"},
		"test of a plugin":       {checkTestImports, "connectors/file", map[string]string{"a_test.go": `import "github.com/connectd/connectd/runtime/worker"`}, "must not import runtime/worker"},
		"test of a plugin, std":  {checkTestImports, "connectors/file", map[string]string{"a_test.go": `import "runtime/metrics"`}, ""},
		"test library":           {checkTestOnly, "runtime/group", src(`import "go.uber.org/goleak"`), "only tests may import"},
		"testing":                {checkTestOnly, "connect", src(`import "testing"`), "only tests may import"},
		"broker in dev":          {checkTestOnly, "internal/broker", src(`import "github.com/twmb/franz-go/pkg/kfake"`), ""},
		"unsafe":                 {checkElsewhere, "runtime/store", src(`import "unsafe"`), "must not import unsafe"},
		"unsafe at home":         {checkElsewhere, "connect/data", src(`import "unsafe"`), ""},
		"blank import":           {checkBlank, "cmd/connectd", src(`import _ "github.com/connectd/connectd/connectors/file"`), "imported for its effect"},
		"blank driver":           {checkBlank, "cmd/connectd", src(`import _ "github.com/go-sql-driver/mysql"`), "imported for its effect"},
		"blank driver in a test": {checkBlank, "test/e2e", map[string]string{"a_test.go": `import _ "github.com/go-sql-driver/mysql"`}, ""},
		"embed":                  {checkBlank, "runtime/connectorconfig", src(`import _ "embed"`), ""},
		"clock":                  {checkPure, "runtime/assign", src("import \"time\"\nvar t = time.Now()"), "must not call time.Now"},
		"clock as an argument":   {checkPure, "runtime/assign", src("import \"time\"\nfunc f(t time.Time) time.Time { return t.Add(time.Second) }"), ""},
		"goroutine":              {checkPure, "runtime/herder/core", src("func f() { go f() }"), "must not start a goroutine"},
		"channel":                {checkPure, "runtime/herder/core", src("var c chan int"), "must not use channels"},
		"file":                   {checkPure, "runtime/worker/lifecycle", src(`import "os"`), "must not import os"},
		"lock":                   {checkPure, "runtime/worker/lifecycle", src(`import "sync/atomic"`), "must not import sync/atomic"},
		"goroutine in a shell":   {checkPure, "runtime/herder", src("func f() { go f() }"), ""},
		"init":                   {checkInit, "connect", src("func init() {}"), "no init functions"},
		"method init":            {checkInit, "connect", src("type t int\nfunc (t) init() {}"), ""},
		"no comment":             {checkComment, "connect", map[string]string{"a.go": ""}, "has no package comment"},
		"two comments":           {checkComment, "connect", map[string]string{"a.go": "// Package p is it.", "b.go": "// Package p is it."}, "one is enough"},
		"other comment":          {checkComment, "connect", map[string]string{"a.go": "// This is it."}, "begins with"},
		"comment":                {checkComment, "connect", map[string]string{"a.go": "// Package p is it.", "b.go": ""}, ""},
		"empty name":             {checkName, "runtime/util", src(""), "says nothing"},
		"long file":              {checkSize, "connect", src(strings.Repeat("\n", maxLines)), "more than 500"},
		"long test":              {checkSize, "connect", map[string]string{"a_test.go": strings.Repeat("\n", maxLines)}, ""},
		"too long test":          {checkSize, "connect", map[string]string{"a_test.go": strings.Repeat("\n", maxTestLines)}, "more than 800"},
		"generated":              {checkSize, "connect", src("// Code generated by x. DO NOT EDIT.\n" + strings.Repeat("\n", maxLines)), ""},
		"no goleak":              {checkLeaks, "runtime/group", map[string]string{"a.go": "func f() { go f() }", "a_test.go": ""}, "goleak"},
		"no goleak, WaitGroup":   {checkLeaks, "runtime/group", map[string]string{"a.go": "func f() { wg.Go(f) }", "a_test.go": ""}, "goleak"},
		"goleak":                 {checkLeaks, "runtime/group", map[string]string{"a.go": "func f() { go f() }", "a_test.go": `import "go.uber.org/goleak"`}, ""},
		"skip":                   {checkSkips, "connect", map[string]string{"a_test.go": "func f(t T) { t.Skip() }"}, "no test skips itself"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &pkg{path: tt.path}
			for _, n := range slices.Sorted(maps.Keys(tt.files)) {
				text, head := tt.files[n], "package p\n"
				if strings.HasPrefix(text, "//") {
					text, head = text+"\npackage p\n", ""
				}
				f, err := parse(tt.path+"/"+n, []byte(head+text))
				if err != nil {
					t.Fatal(err)
				}
				p.files = append(p.files, f)
			}
			got := tt.check(p)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("found %q, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("found %q, want one finding with %q", got, tt.want)
			}
		})
	}
}

func src(text string) map[string]string { return map[string]string{"a.go": text} }
