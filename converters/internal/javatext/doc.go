// Package javatext renders values as Java's toString does, for converters whose bytes are such texts.
//
// All functions append to dst and keep nothing; they are safe for concurrent use.
package javatext
