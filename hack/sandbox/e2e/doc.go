// Package e2e tests the plugin as its users run it: the binary, on a sandbox,
// with what it prints and how it exits.
package e2e
