// Package javaregex compiles regular expressions of java.util.regex for Go's linear-time engine.
//
// What is written otherwise is translated; what the engine cannot do (look-around, back-references, possessive quantifiers, atomic
// groups, classes inside classes) is refused with an error that names it. A compiled Regex is safe for concurrent use.
package javaregex
