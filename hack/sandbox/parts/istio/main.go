// Command istio is the sandbox's istiod, and the renderer of the charts that
// are embedded in it, linked once and chosen by the first argument:
//
//	istio discovery [flags]      runs istiod, as pilot-discovery does
//	istio render [--set K=V]...  prints the manifests, as istioctl manifest generate does
package main

import (
	"fmt"
	"os"

	"istio.io/istio/operator/pkg/render"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
	"istio.io/istio/pkg/log"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	mode := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	var err error
	switch mode {
	case "discovery":
		log.EnableKlogWithCobra()
		err = discovery.NewRootCommand().Execute()
	case "render":
		err = renderCharts(os.Args[1:])
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "istio "+mode+":", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: istio discovery|render [flags]")
	os.Exit(2)
}

// renderCharts prints every manifest of the profile and values asked for as one
// YAML stream.
func renderCharts(args []string) error {
	var sets []string
	for i := 0; i < len(args); i++ {
		if args[i] != "--set" || i+1 == len(args) {
			return fmt.Errorf("unexpected argument %q: only --set KEY=VALUE is understood", args[i])
		}
		i++
		sets = append(sets, args[i])
	}
	components, _, err := render.GenerateManifest(nil, sets, false, nil, nil)
	if err != nil {
		return fmt.Errorf("render the charts: %w", err)
	}
	for _, component := range components {
		for _, m := range component.Manifests {
			fmt.Printf("---\n%s\n", m.Content)
		}
	}
	return nil
}
