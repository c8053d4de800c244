// Package act carries plans out: it is the only package that writes. Each
// function makes sure of what it is about to change right before it does, and
// can be run again after it was interrupted.
package act
