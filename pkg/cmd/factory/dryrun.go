package factory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// DryRun is the value of --dry-run, as kubectl has it.
type DryRun struct {
	mode string
	// modes that the command has.
	modes []string
}

const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// AddTo adds the flag to a command; server tells whether it has a dry run on the
// server, which Azure has not.
func (d *DryRun) AddTo(cmd *cobra.Command, shows string, server bool) {
	d.mode, d.modes = dryRunNone, []string{dryRunNone, dryRunClient}
	usage := `"client" shows ` + shows
	if server {
		d.modes = append(d.modes, dryRunServer)
		usage += `; "server" also has the API server check it`
	}
	cmd.Flags().Var(d, "dry-run", usage)
	cmd.Flags().Lookup("dry-run").NoOptDefVal = dryRunClient
}

// Client reports whether what would be changed is to be shown and no more.
func (d *DryRun) Client() bool { return d.mode == dryRunClient }

// Server reports whether the API server is to check what would be changed.
func (d *DryRun) Server() bool { return d.mode == dryRunServer }

// Any reports whether nothing is to be changed.
func (d *DryRun) Any() bool { return d.Client() || d.Server() }

// String is the mode, for pflag.
func (d *DryRun) String() string { return d.mode }

// Set takes a mode, for pflag.
func (d *DryRun) Set(mode string) error {
	if !slices.Contains(d.modes, mode) {
		return fmt.Errorf("use one of %s", strings.Join(d.modes, ", "))
	}
	d.mode = mode
	return nil
}

// Type names the values in help, for pflag.
func (d *DryRun) Type() string { return "mode" }
