package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// ErrDeclined is a question answered with no. Nothing was changed.
var ErrDeclined = errors.New("nothing was changed")

// Confirm asks a yes-or-no question. With nobody to ask it is an error that says
// how to answer beforehand.
func (t *Terminal) Confirm(ctx context.Context, question string) error {
	if !t.CanAsk() {
		return &fail.Error{
			Attempt: "ask for confirmation", Cause: errors.New("there is no terminal to ask at"),
			Remedy: "run again with --yes to go on without asking", Code: fail.ExitUsage,
		}
	}
	answer, err := t.ask(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return ErrDeclined
}

// Choose asks for one of several things. With nobody to ask it is an error that
// names flag.
func (t *Terminal) Choose(ctx context.Context, what string, choices []string, flag string) (string, error) {
	if !t.CanAsk() {
		return "", fail.Usage("there are several %s (%s); say which with %s", what, strings.Join(choices, ", "), flag)
	}
	fmt.Fprintf(t.Err, "There are several %s:\n", what)
	for i, choice := range choices {
		fmt.Fprintf(t.Err, "  %d) %s\n", i+1, CleanLine(choice))
	}
	answer, err := t.ask(ctx, "Which one? [1-"+strconv.Itoa(len(choices))+"] ")
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(answer)
	if err != nil || n < 1 || n > len(choices) {
		return "", ErrDeclined
	}
	return choices[n-1], nil
}

// ask reads one line. A cancelled context ends it although the read itself cannot
// be interrupted; the program is about to end then.
func (t *Terminal) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(t.Err, Clean(question))
	type line struct {
		text string
		err  error
	}
	lines := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(t.In).ReadString('\n')
		lines <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(t.Err)
		return "", ctx.Err()
	case l := <-lines:
		if l.err != nil && l.text == "" {
			fmt.Fprintln(t.Err)
			return "", ErrDeclined
		}
		return strings.TrimSpace(l.text), nil
	}
}
