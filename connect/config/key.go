package config

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// AnyKey is any *Key[T].
type AnyKey interface {
	Name() string
	declaration() *declaration
}

// declaration is what a Key declares, without its Go type.
type declaration struct {
	name string
	typ  Type

	required   bool
	def        any // nil: null
	importance Importance
	doc        string
	group      *string
	order      int
	width      Width
	display    string
	dependents []string
	aliases    []string
	internal   bool
	hidden     bool

	parse     func(text string) (any, error)
	checks    []check
	recommend func(Values) []string
	visible   func(Values) bool

	// Set by Embed: what stands before the name the plugin knows.
	prefix     string
	shortNames bool // parse errors name the short key too
}

// check is one validator. null, unless nil, is what it says of a value that is
// missing or could not be parsed: Java's validators see null then.
type check struct {
	run  func(name string, v any) error
	null error
	doc  string
}

func (x *declaration) shortName() string { return x.name[len(x.prefix):] }

// parseName is the name parse errors speak of.
func (x *declaration) parseName() string {
	if x.shortNames {
		return x.shortName()
	}
	return x.name
}

// Key declares one config key whose value is a T. Chain methods change the key
// and return it; they are for declarations only, before the key is put into a
// Def. A Def copies what the key says, and from then on a Key is read-only and
// safe for concurrent use.
//
// A key that is neither Required nor has a Default is optional and null: Get
// returns the zero value and IsSet is false.
type Key[T any] struct{ d *declaration }

func newKey[T any](name string, typ Type, parse func(string) (any, error)) *Key[T] {
	return &Key[T]{d: &declaration{
		name: name, typ: typ, parse: parse, display: name, importance: Medium, order: -1,
	}}
}

// String declares a STRING. The text is trimmed as Java trims.
func String(name string) *Key[string] {
	return newKey[string](name, TypeString, func(s string) (any, error) { return s, nil })
}

// Boolean declares a BOOLEAN: true or false in any case.
func Boolean(name string) *Key[bool] { return newKey[bool](name, TypeBoolean, parseBoolean) }

// Int declares an INT of 32 bits.
func Int(name string, in ...Limit) *Key[int32] {
	return limited[int32](newKey[int32](name, TypeInt, func(s string) (any, error) {
		n, err := parseWhole(s, 32, TypeInt)
		return int32(n), err
	}), in)
}

// Short declares a SHORT of 16 bits.
func Short(name string, in ...Limit) *Key[int16] {
	return limited[int16](newKey[int16](name, TypeShort, func(s string) (any, error) {
		n, err := parseWhole(s, 16, TypeShort)
		return int16(n), err
	}), in)
}

// Long declares a LONG of 64 bits.
func Long(name string, in ...Limit) *Key[int64] {
	return limited[int64](newKey[int64](name, TypeLong, func(s string) (any, error) {
		n, err := parseWhole(s, 64, TypeLong)
		return n, err
	}), in)
}

// Double declares a DOUBLE in the syntax of Java's Double.parseDouble.
func Double(name string) *Key[float64] { return newKey[float64](name, TypeDouble, parseDouble) }

// List declares a LIST: texts separated by commas, blanks around a comma
// dropped. An empty text is an empty list; "a,,b" has an empty element.
func List(name string) *Key[[]string] {
	return newKey[[]string](name, TypeList, func(s string) (any, error) { return parseList(s), nil })
}

// Class declares a CLASS: the name of a plugin. Resolving the name is for
// ParseWith; without it every name is taken.
func Class(name string) *Key[string] {
	return newKey[string](name, TypeClass, func(s string) (any, error) { return s, nil })
}

// Password declares a PASSWORD.
func Password(name string) *Key[Secret] {
	return newKey[Secret](name, TypePassword, func(s string) (any, error) { return NewSecret(s), nil })
}

func (k *Key[T]) declaration() *declaration { return k.d }

// Name returns the name of the key.
func (k *Key[T]) Name() string { return k.d.name }

// Copy returns a key that can be changed without changing k: the same key with
// another default, say.
func (k *Key[T]) Copy() *Key[T] {
	d := *k.d
	d.checks = slices.Clone(d.checks)
	d.dependents = slices.Clone(d.dependents)
	d.aliases = slices.Clone(d.aliases)
	return &Key[T]{d: &d}
}

// Required makes a missing key an error. It takes a Default back.
func (k *Key[T]) Required() *Key[T] {
	k.d.required, k.d.def = true, nil
	return k
}

// Default is the value of a key that is not set. It takes Required back.
// Lists are copied; a nil list is an empty one, not null.
func (k *Key[T]) Default(v T) *Key[T] {
	k.d.required, k.d.def = false, copied(any(v))
	return k
}

// Group puts the key into a named group, order counting from what Java has it
// count from. Keys without a group print null and -1.
func (k *Key[T]) Group(name string, order int) *Key[T] {
	k.d.group, k.d.order = &name, order
	return k
}

// Doc is the documentation: one paragraph, HTML as in Java's texts allowed.
func (k *Key[T]) Doc(s string) *Key[T] { k.d.doc = s; return k }

// Importance sets the importance; it is Medium otherwise.
func (k *Key[T]) Importance(i Importance) *Key[T] { k.d.importance = i; return k }

// Width sets the width of the input field.
func (k *Key[T]) Width(w Width) *Key[T] { k.d.width = w; return k }

// DisplayName is the name in forms; it is the name of the key otherwise.
func (k *Key[T]) DisplayName(s string) *Key[T] { k.d.display = s; return k }

// Dependents names keys whose recommended values or visibility depend on k.
func (k *Key[T]) Dependents(names ...string) *Key[T] {
	k.d.dependents = append(k.d.dependents, names...)
	return k
}

// Aliases are deprecated names of the key. A value under one counts when the
// key itself is not set, and Values.Warnings names it.
func (k *Key[T]) Aliases(names ...string) *Key[T] {
	k.d.aliases = append(k.d.aliases, names...)
	return k
}

// Internal keeps the key out of the manual. REST lists it still, as Java does
// (ConfigDef.defineInternal).
func (k *Key[T]) Internal() *Key[T] { k.d.internal = true; return k }

// Hidden keeps the key out of the manual and of REST, unless its value is in error.
func (k *Key[T]) Hidden() *Key[T] { k.d.internal, k.d.hidden = true, true; return k }

// Check adds a check of values that are there. The error's text stands behind
// "Invalid value v for configuration k: "; a Verbatim error stands alone.
// Checks run in order, the first that fails ends them. Defaults are checked.
func (k *Key[T]) Check(f func(T) error) *Key[T] {
	return k.Valid(Validator[T]{Check: f})
}

// Validator is a check which the manual can describe and which may have an
// opinion about null.
type Validator[T any] struct {
	Check func(T) error
	// Null, unless nil, is what is said of a value that is missing although
	// required, or that could not be parsed; Java says both things.
	Null error
	Doc  string // "Valid values" in the manual

	// For messages that name the key inside.
	named     func(name string, v T) error
	nullNamed func(name string) error
}

// Valid adds v; see Check.
func (k *Key[T]) Valid(v Validator[T]) *Key[T] {
	c := check{null: v.Null, doc: v.Doc}
	if v.Check != nil {
		c.run = func(_ string, x any) error { return v.Check(x.(T)) }
	}
	if v.named != nil {
		c.run = func(name string, x any) error { return v.named(name, x.(T)) }
	}
	if v.nullNamed != nil {
		c.null = v.nullNamed(k.d.name)
	}
	k.d.checks = append(k.d.checks, c)
	return k
}

// ValidValues refuses all values but these, compared as text; of a list, each
// element must be one of them (Java: ConfigDef.ValidString, ValidList). It
// does not recommend them: see RecommendValues.
func (k *Key[T]) ValidValues(values ...string) *Key[T] {
	k.d.checks = append(k.d.checks, oneOf(k.d, values))
	return k
}

// ParseWith replaces the parser of the type: f gets the trimmed text. Its
// error stands behind "Invalid value v for configuration k: ". It is how a
// Class key resolves aliases; see ClassNotFound.
func (k *Key[T]) ParseWith(f func(text string) (T, error)) *Key[T] {
	k.d.parse = func(s string) (any, error) { v, err := f(s); return v, err }
	return k
}

// Recommend offers values for the key, given the others; of a list, elements.
// Values that could not be parsed are null in v. Others stay allowed.
func (k *Key[T]) Recommend(f func(v Values) []string) *Key[T] { k.d.recommend = f; return k }

// RecommendValues offers fixed values.
func (k *Key[T]) RecommendValues(values ...string) *Key[T] {
	return k.Recommend(func(Values) []string { return values })
}

// VisibleIf tells forms whether to show the key, given the others.
func (k *Key[T]) VisibleIf(f func(v Values) bool) *Key[T] { k.d.visible = f; return k }

// Get returns the value: what was set, or the default, or the zero T. The
// result is the caller's. Asked of Values whose Def does not declare the key,
// Get parses the original, and answers the default if that is missing or bad.
func (k *Key[T]) Get(v Values) T {
	x, ok := v.lookup(k.d.name)
	if !ok {
		x = v.parseUndeclared(k.d)
	}
	t, _ := copied(x).(T)
	return t
}

// IsSet reports whether the user wrote the key (or an alias of it).
func (k *Key[T]) IsSet(v Values) bool { return v.isSet(k.d) }

// IsNull reports whether the key has neither value nor default.
func (k *Key[T]) IsNull(v Values) bool {
	x, ok := v.lookup(k.d.name)
	if !ok {
		x = v.parseUndeclared(k.d)
	}
	return x == nil
}

// Millis returns the value of a key in milliseconds as a Duration, cut to the
// largest there is.
func Millis[T int16 | int32 | int64](k *Key[T], v Values) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	ms := int64(k.Get(v))
	switch {
	case ms > most:
		return 1<<63 - 1
	case ms < -most:
		return -1 << 63
	}
	return time.Duration(ms) * time.Millisecond
}

// Limit is a range for whole numbers.
type Limit struct {
	min, max       int64
	hasMin, hasMax bool
}

// Range allows min to max, both included.
func Range(min, max int64) Limit { return Limit{min: min, max: max, hasMin: true, hasMax: true} }

// AtLeast allows min and more.
func AtLeast(min int64) Limit { return Limit{min: min, hasMin: true} }

// AtMost allows max and less.
func AtMost(max int64) Limit { return Limit{max: max, hasMax: true} }

// String returns [1,...,10], [1,...] or [...,10], as Java's Range.
func (l Limit) String() string {
	lo, hi := strconv.FormatInt(l.min, 10), strconv.FormatInt(l.max, 10)
	switch {
	case l.hasMin && l.hasMax:
		return "[" + lo + ",...," + hi + "]"
	case l.hasMin:
		return "[" + lo + ",...]"
	case l.hasMax:
		return "[...," + hi + "]"
	}
	return "[...]"
}

func (l Limit) check(n int64) error {
	if l.hasMin && n < l.min {
		return errors.New("Value must be at least " + strconv.FormatInt(l.min, 10))
	}
	if l.hasMax && n > l.max {
		return errors.New("Value must be no more than " + strconv.FormatInt(l.max, 10))
	}
	return nil
}

var errNull = errors.New("Value must be non-null")

func limited[T int16 | int32 | int64](k *Key[T], in []Limit) *Key[T] {
	for _, l := range in {
		k.Valid(Validator[T]{
			Check: func(v T) error { return l.check(int64(v)) },
			Null:  errNull,
			Doc:   l.String(),
		})
	}
	return k
}

// copied protects lists: neither a default nor a parsed value may change later.
func copied(v any) any {
	if l, ok := v.([]string); ok {
		return slices.Clone(l)
	}
	return v
}
