//go:build bench

package bench

import (
	"context"
	"errors"
)

func bareElasticsearch(context.Context, *bareSpec) (bareDone, error) {
	return bareDone{}, errors.New("to come")
}
func bareHDFS(context.Context, *bareSpec) (bareDone, error) { return bareDone{}, errors.New("to come") }
