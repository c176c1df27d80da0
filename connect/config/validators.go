package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// oneOf is ConfigDef.ValidString, and ValidList for keys of type LIST.
func oneOf(d *declaration, values []string) check {
	values = slices.Clone(values)
	must := errors.New("String must be one of: " + strings.Join(values, ", "))
	c := check{null: must, doc: "[" + strings.Join(values, ", ") + "]"}
	if d.typ == TypeList {
		c.null = nullList(d.name)
		c.run = func(name string, v any) error { return listOf(name, v.([]string), values, must) }
		return c
	}
	c.run = func(_ string, v any) error {
		if !slices.Contains(values, text(v)) {
			return must
		}
		return nil
	}
	return c
}

func nullList(name string) error {
	return Verbatim("Configuration '" + name + "' values must not be null.")
}

func listOf(name string, list, values []string, must error) error {
	for i, e := range list {
		// Java stops at the first bad element, after it looked for repetition.
		if e == "" || i == 0 && repeated(list) {
			return distinct(name, list)
		}
		if !slices.Contains(values, e) {
			return Verbatim("Invalid value " + e + " for configuration " + name + ": " + must.Error())
		}
	}
	return nil
}

func distinct(name string, list []string) error {
	switch {
	case repeated(list):
		return Verbatim("Configuration '" + name + "' values must not be duplicated.")
	case slices.Contains(list, ""):
		return Verbatim("Configuration '" + name + "' values must not be empty.")
	}
	return nil
}

// Distinct refuses repeated and empty elements, the empty list unless
// emptyAllowed, and null unless nullAllowed (Java: ValidList.anyNonDuplicateValues).
func Distinct(emptyAllowed, nullAllowed bool) Validator[[]string] {
	v := Validator[[]string]{
		named: func(name string, list []string) error {
			if len(list) == 0 && !emptyAllowed {
				return Verbatim("Configuration '" + name + "' must not be empty. Valid values include: any non-empty value")
			}
			return distinct(name, list)
		},
	}
	if !nullAllowed {
		v.nullNamed = nullList
	}
	return v
}

func repeated(list []string) bool {
	seen := make(map[string]struct{}, len(list))
	for _, e := range list {
		seen[e] = struct{}{}
	}
	return len(seen) != len(list)
}

// OneOfFold allows the given texts in any case (Java: CaseInsensitiveValidString).
// Java lists them in upper case and in no certain order; here the order is kept.
func OneOfFold(values ...string) Validator[string] {
	upper := make([]string, len(values))
	for i, v := range values {
		upper[i] = strings.ToUpper(v)
	}
	list := strings.Join(upper, ", ")
	must := errors.New("String must be one of (case insensitive): " + list)
	return Validator[string]{
		Check: func(s string) error {
			if !slices.Contains(upper, strings.ToUpper(s)) {
				return must
			}
			return nil
		},
		Null: must,
		Doc:  "(case insensitive) [" + list + "]",
	}
}

// NonEmpty refuses the empty text (Java: NonEmptyString).
func NonEmpty() Validator[string] {
	return Validator[string]{
		Check: func(s string) error {
			if s == "" {
				return errors.New("String must be non-empty")
			}
			return nil
		},
		Doc: "non-empty string",
	}
}

// NonEmptyWithoutControlChars refuses the empty text and ISO control
// characters (Java: NonEmptyStringWithoutControlChars); connector names are
// checked so.
func NonEmptyWithoutControlChars() Validator[string] {
	return Validator[string]{
		Check: func(s string) error {
			if s == "" {
				return errors.New("String may not be empty")
			}
			var found []string
			for _, r := range s {
				if unicode.IsControl(r) {
					found = append(found, strconv.Itoa(int(r)))
				}
			}
			if found != nil {
				return errors.New("String may not contain control sequences but had the following ASCII chars: " + strings.Join(found, ", "))
			}
			return nil
		},
		Doc: "non-empty string without ISO control characters",
	}
}

// AtMostOfSize limits the length of a list (Java: ListSize.atMostOfSize).
func AtMostOfSize(n int) Validator[[]string] {
	size := strconv.Itoa(n)
	return Validator[[]string]{
		Check: func(l []string) error {
			if len(l) > n {
				return errors.New("exceeds maximum list size of [" + size + "].")
			}
			return nil
		},
		Doc: "List containing maximum of " + size + " elements",
	}
}
