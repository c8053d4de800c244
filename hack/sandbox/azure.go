package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

func newFault(name *string) *cobra.Command {
	var clean bool
	cmd := &cobra.Command{
		Use:   "fault [SPEC...]",
		Short: "Have the simulated Azure fail, or list the faults asked for",
		Long: `Have the simulated Azure fail, or list the faults asked for.

A fault is OPERATION:KIND[:OPTION]..., for instance:
  put-cluster:status=429:retry-after=2:times=2
  get-cluster:reset
  operation:failed

Operations: ` + strings.Join(arm.Operations(), ", ") + `.
Kinds: status=N, reset, expired-token, forbidden, operation-not-allowed,
etag-mismatch, precondition-failed and delay=DURATION; for the operation named
operation: failed, canceled and never.`,
		RunE: func(cmd *cobra.Command, specs []string) error {
			if clean {
				if err := control(cmd, *name, http.MethodDelete, "faults", ""); err != nil {
					return err
				}
			}
			if len(specs) > 0 {
				return control(cmd, *name, http.MethodPost, "faults", strings.Join(specs, "\n"))
			}
			if clean {
				return nil
			}
			return control(cmd, *name, http.MethodGet, "faults", "")
		},
	}
	cmd.Flags().BoolVar(&clean, "clear", false, "remove the faults that were asked for before")
	return cmd
}

func newScenario(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario [NAME...]",
		Short: "Put the simulated Azure into a situation that lasts, or list what there is",
		RunE: func(cmd *cobra.Command, names []string) error {
			for _, scenario := range names {
				if box.ChangesCluster(scenario) {
					return fmt.Errorf("the scenario %s changes the cluster itself: start one with sandbox up --scenario %s", scenario, scenario)
				}
			}
			if len(names) > 0 {
				return control(cmd, *name, http.MethodPut, "scenarios", strings.Join(names, "\n"))
			}
			for _, s := range arm.Scenarios() {
				fmt.Fprintf(cmd.OutOrStdout(), "%-20s %s\n", s.Name, s.Description)
			}
			return nil
		},
	}
	return cmd
}

// control calls one of the control endpoints of a running sandbox.
func control(cmd *cobra.Command, name, method, endpoint, body string) error {
	ready, err := find(name)
	if err != nil {
		return err
	}
	answer, err := call(cmd.Context(), method, ready.AzureURL+"/_sandbox/"+endpoint, body)
	if err != nil {
		return err
	}
	_, err = io.WriteString(cmd.OutOrStdout(), answer)
	return err
}

func call(ctx context.Context, method, url, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make a request to the sandbox: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("call the sandbox: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return "", fmt.Errorf("the sandbox refuses: %s", strings.TrimSpace(string(answer)))
	}
	return string(answer), nil
}
