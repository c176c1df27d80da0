//go:build !invariants

package data_test

const sizeOfStruct = 32

const invariants = false
