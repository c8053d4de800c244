// Package azure is everything that speaks to Azure Resource Manager: which cloud
// and sign-in to use, which api-version knows the redirection mechanism, which
// managed cluster a kube context talks to, the cluster's document and the one
// change to it, operations, feature flags and mesh revisions.
//
// A cluster is edited as the JSON document that was read, never through a
// generated model: models drop members that they do not know.
package azure
