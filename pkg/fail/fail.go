// Package fail is how the program fails: what was attempted on which object,
// why it did not work, what to do next, and the exit code that says so to a
// script.
package fail

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Exit codes, the same for every output format.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitNotAsWanted = 3
	ExitWarnings    = 4
	ExitTimeout     = 124
	ExitInterrupted = 130
)

// Error is a failure as a person should read it.
type Error struct {
	// Attempt is what was attempted on which object, as it reads after
	// "cannot ": "read cluster contoso-aks".
	Attempt string
	// Cause is why it failed.
	Cause error
	// Remedy is what to do next, a sentence or a command; may be empty.
	Remedy string
	// Code is the exit code; 0 stands for ExitError or what Cause calls for.
	Code int
}

// Error tells what failed and why, without the remedy.
func (e *Error) Error() string {
	switch {
	case e.Cause == nil:
		return e.Attempt
	case e.Attempt == "":
		return e.Cause.Error()
	}
	return fmt.Sprintf("cannot %s: %v", e.Attempt, e.Cause)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// To wraps a cause with what was attempted. It returns nil for a nil cause.
func To(attempt string, cause error) error {
	if cause == nil {
		return nil
	}
	return &Error{Attempt: attempt, Cause: cause}
}

// Usage is a mistake in the command line.
func Usage(format string, args ...any) error {
	return &Error{Cause: fmt.Errorf(format, args...), Code: ExitUsage}
}

// NotAsWanted is the answer "no" to a question that a script asked. The answer
// itself is on stdout.
func NotAsWanted(format string, args ...any) error {
	return &Error{Cause: fmt.Errorf(format, args...), Code: ExitNotAsWanted}
}

// ExitCode is the exit code that err calls for.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	for failure := range failures(err) {
		if failure.Code != 0 {
			return failure.Code
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return ExitTimeout
	}
	return ExitError
}

// Remedy is the outermost remedy in err's tree, "" if there is none.
func Remedy(err error) string {
	for failure := range failures(err) {
		if failure.Remedy != "" {
			return failure.Remedy
		}
	}
	return ""
}

// failures goes through every *Error in an error's tree, the outer ones first.
func failures(err error) iter.Seq[*Error] {
	return func(yield func(*Error) bool) { walk(err, yield) }
}

func walk(err error, yield func(*Error) bool) bool {
	if failure, ok := err.(*Error); ok && !yield(failure) { //nolint:errorlint // the tree is walked here
		return false
	}
	switch wrapper := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		return wrapper.Unwrap() == nil || walk(wrapper.Unwrap(), yield)
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			if !walk(inner, yield) {
				return false
			}
		}
	}
	return true
}
