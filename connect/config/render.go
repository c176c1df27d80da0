package config

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteMarkdown writes the reference of d: a section a group, a paragraph a
// key, in the order of Kafka's own manual. Internal keys are left out. The
// text depends on nothing but d.
func (d *Def) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	var group *string
	for _, x := range d.sorted() {
		if x.internal {
			continue
		}
		if x.group != nil && (group == nil || *group != *x.group) {
			fmt.Fprintf(&b, "## %s\n\n", *x.group)
			group = x.group
		}
		writeKey(&b, x.definition(0), x)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing reference: %w", err)
	}
	return nil
}

func writeKey(b *bytes.Buffer, def Definition, x *declaration) {
	fmt.Fprintf(b, "### `%s`\n\n", def.Name)
	if def.Documentation != "" {
		fmt.Fprintf(b, "%s\n\n", def.Documentation)
	}
	line := func(name, value string) { fmt.Fprintf(b, "- %s: %s\n", name, value) }
	line("Type", strings.ToLower(def.Type.String()))
	switch {
	case def.Required:
		line("Required", "yes")
	case def.Default == nil:
		line("Default", "none")
	case *def.Default == "":
		line("Default", `""`)
	default:
		line("Default", "`"+*def.Default+"`"+niceUnits(def.Name, x.def))
	}
	if def.ValidValues != "" {
		line("Valid values", "`"+def.ValidValues+"`")
	}
	line("Importance", strings.ToLower(def.Importance.String()))
	if len(def.Aliases) > 0 {
		line("Deprecated names", "`"+strings.Join(def.Aliases, "`, `")+"`")
	}
	b.WriteString("\n")
}

// niceUnits turns the default of a key ending in .ms or .bytes into the
// largest unit that divides it, as Kafka's manual does.
func niceUnits(name string, v any) string {
	var n int64
	switch x := v.(type) {
	case int16:
		n = int64(x)
	case int32:
		n = int64(x)
	case int64:
		n = x
	}
	switch {
	case n == 0:
		return ""
	case strings.HasSuffix(name, ".ms"):
		return units(n, []int64{1000, 60, 60, 24}, []string{"second", "minute", "hour", "day"})
	case strings.HasSuffix(name, ".bytes"):
		return units(n, []int64{1024, 1024, 1024, 1024}, []string{"kibibyte", "mebibyte", "gibibyte", "tebibyte"})
	}
	return ""
}

func units(n int64, by []int64, names []string) string {
	i := 0
	for i < len(by) && n%by[i] == 0 {
		n /= by[i]
		i++
	}
	if i == 0 {
		return ""
	}
	s := " (" + strconv.FormatInt(n, 10) + " " + names[i-1]
	if n != 1 {
		s += "s"
	}
	return s + ")"
}
