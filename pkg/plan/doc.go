// Package plan decides what to change: functions from a Snapshot, and what a
// person asked for, to intended changes. They do no I/O, so that a plan can be
// shown before anything is done, and decided again when the cluster changed.
package plan
