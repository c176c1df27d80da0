//go:build invariants

package data

type sealed struct{ on bool }

func (s *sealed) set() { s.on = true }

func (s *sealed) check() {
	if s.on {
		panic("data: Set on a published struct")
	}
}
