// Package sample has an application to show and test the mesh with.
package sample

import _ "embed"

//go:embed bookinfo.yaml
var manifest []byte

// Manifest is the application in YAML, without a namespace.
func Manifest() []byte { return append([]byte{}, manifest...) }

// Deployments are the names of the application's six Deployments.
func Deployments() []string {
	return []string{"details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"}
}
