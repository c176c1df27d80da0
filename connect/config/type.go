package config

// Type is the type of a key as REST prints it (Java: ConfigDef.Type).
type Type uint8

// The types. Their texts are the upper-case names Java prints.
const (
	TypeBoolean Type = iota
	TypeString
	TypeInt
	TypeShort
	TypeLong
	TypeDouble
	TypeList
	TypeClass
	TypePassword
)

var typeNames = [...]string{"BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}

// String returns BOOLEAN, STRING, INT, SHORT, LONG, DOUBLE, LIST, CLASS or PASSWORD.
func (t Type) String() string { return nameOf(typeNames[:], int(t)) }

// Importance tells a reader how much a key matters (Java: ConfigDef.Importance).
type Importance uint8

// The importances. A key that says nothing is Medium.
const (
	High Importance = iota
	Medium
	Low
)

var importanceNames = [...]string{"HIGH", "MEDIUM", "LOW"}

// String returns HIGH, MEDIUM or LOW.
func (i Importance) String() string { return nameOf(importanceNames[:], int(i)) }

// Width is a hint for forms: how wide the input field should be (Java: ConfigDef.Width).
type Width uint8

// The widths. A key that says nothing is WidthNone.
const (
	WidthNone Width = iota
	WidthShort
	WidthMedium
	WidthLong
)

var widthNames = [...]string{"NONE", "SHORT", "MEDIUM", "LONG"}

// String returns NONE, SHORT, MEDIUM or LONG.
func (w Width) String() string { return nameOf(widthNames[:], int(w)) }

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "UNKNOWN"
	}
	return names[i]
}
