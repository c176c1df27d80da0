// Package helm holds the Helm chart of connectd (folder connectd) and its tests: the chart is linted and rendered with
// the values in testdata/values, and the result compared with testdata/rendered. The tests need the program helm and
// are behind the build tag "integration"; `go test -tags integration ./deploy/helm -update` renders anew.
package helm
