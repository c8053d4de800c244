// Package process runs the programs that the sandbox is made of, and sees to it
// that none of them outlives it.
package process
