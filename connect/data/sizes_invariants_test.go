//go:build invariants

package data_test

const sizeOfStruct = 40

const invariants = true
