// Command readers reads every pod of a cluster in one of several ways, and says
// how many it read. It is what docs/benchmarks.md compares the ways with; the
// plugin has one of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the cluster")
	name := flag.String("way", "stream-lean", "the way")
	compress := flag.Bool("compress", true, "ask for compressed answers")
	flag.Parse()
	if err := run(*kubeconfig, *name, *compress); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, name string, compress bool) error {
	read, known := ways()[name]
	if !known {
		return fmt.Errorf("there is no way called %q", name)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.ContentType, config.QPS = "application/vnd.kubernetes.protobuf", -1
	config.DisableCompression = !compress
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	var kept []*mesh.Pod
	err = read(context.Background(), client, func(p *corev1.Pod) { kept = append(kept, mesh.PodFrom(p, isOfMesh)) })
	fmt.Println(len(kept), "pods")
	return err
}

func isOfMesh(key string) bool { return key == mesh.RevisionLabel || key == mesh.InjectLabel }
