// Package check finds out why redirection does not work. A rule looks at a
// Snapshot for one known way of failing; what it finds names objects, a cause and
// a remedy. Rules are pure: no client, no clock, no I/O.
//
// A rule whose inputs could not be read answers unknown, never ok.
package check
