// Package mesh is the vocabulary of the Istio add-on's traffic redirection:
// revisions, redirection mechanisms, redirect containers, injection and
// workloads, and the rules that need nothing but those. It is pure: no client,
// no clock, no I/O.
//
// Words used throughout the project:
//
//   - Redirection mechanism: how a pod's traffic reaches its proxy. Either an
//     init container in each pod programs iptables (InitContainers), or a CNI
//     plugin on the node does (CNIChaining).
//   - Redirect container: the init container that belongs to the mechanism:
//     istio-init, privileged, or istio-validation, which only checks.
//   - Node agent: the DaemonSet that installs the CNI plugin on each Linux node.
//   - Injector: the mutating webhook that puts the proxy and the redirect
//     container into new pods. There is one for each revision of the mesh, and
//     more that serve revision tags.
//   - Workload: what a pod belongs to, such as a Deployment.
package mesh
