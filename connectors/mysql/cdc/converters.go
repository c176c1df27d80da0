package cdc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// converter is one of Debezium's custom converters that connectd has too (converters, <name>.type): what it does to a column; the zero
// Conversion if it does not take it. column is db.table.column.
type converter func(column string, c *history.Column) row.Conversion

// Debezium's class names, each under two packages.
const (
	tinyIntConverter  = "TinyIntOneToBooleanConverter"
	jdbcConverter     = "JdbcSinkDataTypesConverter"
	zeroDateConverter = "ZeroDateFallbackConverter"
)

var converterPackages = []string{"io.debezium.connector.mysql.converters.", "io.debezium.connector.binlog.converters.",
	"io.debezium.connector.mariadb.converters.", ""}

// convertersOf makes the converters in the order they are named: the first that takes a column has it (CustomConverterRegistry). The
// error begins with the key.
func convertersOf(v config.Values) ([]converter, error) {
	var out []converter
	for name := range strings.SplitSeq(keyConverters.Get(v), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p := v.WithPrefix(name + ".")
		class := strings.TrimSpace(p["type"])
		if class == "" {
			return nil, fmt.Errorf("%s.type: the class of the converter %s is missing", name, name)
		}
		for _, pkg := range converterPackages {
			if rest, ok := strings.CutPrefix(class, pkg); ok {
				class = rest
				break
			}
		}
		c, err := newConverter(name, class, p)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func newConverter(name, class string, p config.Props) (converter, error) {
	switch class {
	case tinyIntConverter:
		return newTinyInt(name, p)
	case jdbcConverter:
		return newJDBCTypes(name, p)
	case zeroDateConverter:
		return newZeroDate(name, p)
	}
	return nil, fmt.Errorf("%s.type: %s is no converter that can be used here (Java classes cannot be loaded): %s, %s and %s can",
		name, class, tinyIntConverter, jdbcConverter, zeroDateConverter)
}

// selector reads a list of patterns of db.table.column; nil if the key is not set.
func selector(name, key string, p config.Props) (patterns, error) {
	return patternsOf(name+"."+key, strings.Split(p[key], ","))
}

func flag(p config.Props, key string, fallback bool) bool {
	if s := p[key]; s != "" {
		return strings.EqualFold(s, "true")
	}
	return fallback
}

func newTinyInt(name string, p config.Props) (converter, error) {
	sel, err := selector(name, "selector", p)
	checkLength := flag(p, "length.checker", true)
	return func(column string, c *history.Column) row.Conversion {
		t := strings.ToUpper(c.TypeName)
		ok := (t == "TINYINT" || t == "TINYINT UNSIGNED") && (!checkLength || c.Length == 1) && (len(sel) == 0 || sel.match(column))
		return row.Conversion{Boolean: ok}
	}, err
}

func newJDBCTypes(name string, p config.Props) (converter, error) {
	booleans, err := selector(name, "selector.boolean", p)
	if err != nil {
		return nil, err
	}
	reals, err := selector(name, "selector.real", p)
	if err != nil {
		return nil, err
	}
	texts, err := selector(name, "selector.string", p)
	asDouble := flag(p, "treat.real.as.double", true)
	return func(column string, _ *history.Column) row.Conversion {
		switch {
		case booleans.match(column):
			return row.Conversion{Int16: true}
		case reals.match(column):
			return row.Conversion{Float64: asDouble, Float32: !asDouble}
		case texts.match(column):
			return row.Conversion{Text: true}
		}
		return row.Conversion{}
	}, err
}

// zeroDateLayouts are the forms of fallback.<type>.
var zeroDateLayouts = map[string]string{"date": time.DateOnly, "datetime": time.DateTime, "timestamp": time.RFC3339Nano}

func parseZeroDate(key, kind, text string) (*row.ZeroDate, error) {
	text = strings.TrimSpace(text)
	if text == "" || strings.EqualFold(text, "NULL") {
		return &row.ZeroDate{}, nil
	}
	t, err := time.Parse(zeroDateLayouts[kind], text)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is neither NULL nor of the form %s", key, text, zeroDateLayouts[kind])
	}
	t = t.UTC()
	micros := t.Sub(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)).Microseconds()
	return &row.ZeroDate{Set: true, Year: t.Year(), Month: int(t.Month()), Day: t.Day(), Micros: micros}, nil
}

func newZeroDate(name string, p config.Props) (converter, error) {
	sel, err := selector(name, "selector", p)
	if err != nil {
		return nil, err
	}
	targets := map[string]*row.ZeroDate{}
	list := p["target.types"]
	if list == "" {
		list = "DATE,DATETIME,TIMESTAMP"
	}
	for kind := range strings.SplitSeq(list, ",") {
		kind = strings.ToLower(strings.TrimSpace(kind))
		if kind == "" {
			continue
		}
		if zeroDateLayouts[kind] == "" {
			return nil, fmt.Errorf("%s.target.types: %s is none of DATE, DATETIME, TIMESTAMP", name, strconv.Quote(kind))
		}
		if targets[kind], err = parseZeroDate(name+".fallback."+kind, kind, p["fallback."+kind]); err != nil {
			return nil, err
		}
	}
	single, err := columnFallbacks(name, p)
	if err != nil {
		return nil, err
	}
	return func(column string, c *history.Column) row.Conversion {
		kind := strings.ToLower(c.TypeName)
		z := targets[kind]
		if z == nil || len(sel) > 0 && !sel.match(column) {
			return row.Conversion{}
		}
		if own := single[column]; own != nil && own[kind] != nil {
			z = own[kind]
		}
		return row.Conversion{ZeroDate: z}
	}, nil
}

// columnFallbacks reads column.<db.table.column>.fallback, whose form depends on a type that is not known yet.
func columnFallbacks(name string, p config.Props) (map[string]map[string]*row.ZeroDate, error) {
	out := map[string]map[string]*row.ZeroDate{}
	for k, text := range p {
		column, ok := strings.CutPrefix(k, "column.")
		column, ok2 := strings.CutSuffix(column, ".fallback")
		if !ok || !ok2 {
			continue
		}
		var err error
		m := map[string]*row.ZeroDate{}
		for kind := range zeroDateLayouts {
			z, e := parseZeroDate(name+"."+k, kind, text)
			if e != nil {
				err = e
				continue
			}
			m[kind] = z
		}
		if len(m) == 0 {
			return nil, err
		}
		out[column] = m
	}
	return out, nil
}

// conversion is what the first converter that takes a column does to it.
func (s *settings) conversion(id history.TableID, c *history.Column) row.Conversion {
	name := id.String() + "." + c.Name
	for _, conv := range s.converters {
		if x := conv(name, c); x != (row.Conversion{}) {
			return x
		}
	}
	return row.Conversion{}
}
