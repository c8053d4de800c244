package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// What the program tells people to type must exist: its own commands, and flags
// of its own or of the programs that it names.
func TestAdviceCanBeFollowed(t *testing.T) {
	root := New(newProgram(t).Factory)
	flags := map[string]bool{"help": true}
	walk(root, func(cmd *cobra.Command) {
		for _, f := range append(collect(cmd.Flags().VisitAll), collect(cmd.PersistentFlags().VisitAll)...) {
			flags[f.Name] = true
		}
	})
	for _, other := range []string{
		"tenant", "name", "cluster-name", "machine-names", "node-image-only", "os-sku", "query", "kubernetes-version", // az
		"ignore-daemonsets", "delete-emptydir-data", "previous", "overwrite", "show-labels", "type", // kubectl
		"environment", // kubelogin
	} {
		flags[other] = true
	}
	command := regexp.MustCompile(`kubectl istio-cni ([a-z-]+)`)
	flag := regexp.MustCompile(`(?:^|[\s(\x60])--([a-z][a-z-]*)`)
	seen := 0
	for _, text := range literals(t, "..") {
		for _, found := range command.FindAllStringSubmatch(text, -1) {
			seen++
			if cmd, _, err := root.Find([]string{found[1]}); found[1] != "__complete" && (err != nil || cmd == root) {
				t.Errorf("there is no command %q: %s", found[1], text)
			}
		}
		for _, found := range flag.FindAllStringSubmatch(text, -1) {
			if !flags[found[1]] {
				t.Errorf("there is no flag --%s: %s", found[1], text)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands are named anywhere; are the sources read?", seen)
	}
}

// literals are the strings in the program's own sources.
func literals(t *testing.T, folder string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil {
				list = append(list, text)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
