package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func azureRules() []*Rule {
	return []*Rule{meshOff(), revisionTooOld(), canaryInProgress(), mechanismUnreadable(), clusterNotWritable()}
}

func meshOff() *Rule {
	return &Rule{
		ID: "ICNI101", Title: "the Istio add-on is not enabled", Area: AreaAzure, Severity: Critical, Pre: true,
		Needs:   []Need{{PartCluster, PartIstiods}},
		Symptom: "No pod gets a sidecar, and Azure refuses to change the redirection mechanism.",
		Detection: "The mesh mode in the cluster's Azure resource is not Istio. Where Azure cannot be read, " +
			mesh.SystemNamespace + " has no control plane with a revision of the add-on.",
		Cause:  "the add-on was never enabled, or it was disabled",
		Remedy: "Enable the Istio add-on. The Istio of the application routing add-on is another product, and the CNI node agent does not work with it.",
		Links:  []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			evidence, off := meshIsOff(f)
			if !off {
				return
			}
			finding := Finding{
				Objects: []Object{f.ClusterObject()}, Evidence: []string{evidence}, Root: RootMesh,
				Remedy: []Step{
					{"Enable the Istio add-on", f.az("aks mesh enable")},
					{"Look at the cluster again when that is done", "kubectl istio-cni status"},
				},
			}
			for _, istiod := range f.Istiods.Value {
				if istiod.Revision != "" {
					continue
				}
				finding.Objects = append(finding.Objects, Object{"Deployment", mesh.SystemNamespace, istiod.Name})
				finding.Evidence = append(finding.Evidence, "Deployment "+istiod.Name+" in "+mesh.SystemNamespace+" has no revision: it is not the add-on's control plane")
				finding.Cause = "the cluster runs the Istio of the application routing add-on, which is another product"
			}
			r.Add(finding)
		},
	}
}

// meshIsOff takes Azure's word, and without it that of the control planes.
func meshIsOff(f *Facts) (evidence string, off bool) {
	if f.Cluster.State == snapshot.Read {
		mode := f.Cluster.Value.MeshMode
		return "the cluster's mesh mode is " + cmp.Or(mode, "not set"), !strings.EqualFold(mode, "Istio")
	}
	return "no control plane of the add-on runs in " + mesh.SystemNamespace, f.Istiods.Known() && len(revisionsInUse(f)) == 0
}

// revisionsInUse are the mesh's revisions by Azure's word, or else those of the
// control planes, sorted by their names.
func revisionsInUse(f *Facts) []string {
	if f.Cluster.State == snapshot.Read {
		return slices.Compact(slices.Sorted(slices.Values(f.Cluster.Value.Revisions)))
	}
	revisions := map[string]bool{}
	for _, istiod := range f.Istiods.Value {
		if istiod.Revision != "" {
			revisions[istiod.Revision] = true
		}
	}
	return slices.Sorted(maps.Keys(revisions))
}

func revisionTooOld() *Rule {
	return &Rule{
		ID: "ICNI102", Title: "a mesh revision is too old for CNI", Area: AreaAzure, Severity: Critical, Pre: true,
		Needs:     []Need{{PartCluster, PartIstiods}},
		Symptom:   "CNIChaining cannot be enabled, or is not supported on a part of the mesh.",
		Detection: fmt.Sprintf("A revision of the mesh is older than %s, the first that supports CNIChaining.", mesh.MinimumCNIRevision()),
		Cause:     "the mesh was not upgraded for a long time",
		Remedy:    "Upgrade the mesh revision by revision. During an upgrade both revisions count, so complete it before enabling CNIChaining.",
		Links:     []string{linkUpgrade, linkCNI, linkMinorUpgrade},
		look: func(f *Facts, r *Report) {
			revisions := revisionsInUse(f)
			for _, name := range revisions {
				revision, err := mesh.ParseRevision(name)
				switch {
				case err != nil:
					r.Unknown(Unknown{What: "whether revision " + name + " supports CNIChaining", State: snapshot.Failed, Reason: err.Error()})
				case !revision.SupportsCNI():
					r.Add(oldRevision(f, name, len(revisions) > 1))
				}
			}
		},
	}
}

func oldRevision(f *Facts, name string, upgrading bool) Finding {
	finding := Finding{
		Objects:  []Object{f.ClusterObject(), {"Deployment", mesh.SystemNamespace, "istiod-" + name}},
		Evidence: []string{fmt.Sprintf("the mesh runs revision %s; CNIChaining needs %s or later", name, mesh.MinimumCNIRevision())},
		Remedy: []Step{
			{"See which revisions the mesh can be upgraded to", "kubectl istio-cni revisions"},
			{"Upgrade to one of them", f.az("aks mesh upgrade start") + " --revision REVISION"},
		},
	}
	if upgrading {
		finding.Cause = "an upgrade of the mesh is in progress, and the old revision still counts"
		finding.Remedy = []Step{{"When every workload has moved to the new revision, complete the upgrade", f.az("aks mesh upgrade complete")}}
	}
	return finding
}

func canaryInProgress() *Rule {
	return &Rule{
		ID: "ICNI103", Title: "an upgrade of the mesh is in progress", Area: AreaAzure, Severity: Medium, Pre: true,
		Needs:     []Need{{PartCluster, PartIstiods}},
		Symptom:   "Pods of one namespace differ from those of another, because two revisions of the injector are at work.",
		Detection: "The mesh has two revisions.",
		Cause:     "a canary upgrade was started and neither completed nor rolled back",
		Remedy:    "Move all namespaces to one revision, restart their workloads, and complete the upgrade; or move them back and roll the upgrade back.",
		Links:     []string{linkUpgrade, linkMinorUpgrade},
		look: func(f *Facts, r *Report) {
			revisions := revisionsInUse(f)
			if len(revisions) < 2 {
				return
			}
			newest := slices.MaxFunc(revisions, compareRevisions)
			finding := Finding{
				Objects:  []Object{f.ClusterObject()},
				Evidence: []string{"the mesh has the revisions " + strings.Join(revisions, " and ")},
				Remedy: []Step{
					{"Label the namespaces with the new revision", "kubectl istio-cni label --all-injected --revision " + newest},
					{"Restart what the old one injected", "kubectl istio-cni restart -A"},
					{"Complete the upgrade", f.az("aks mesh upgrade complete")},
					{"Or, if the new revision is no good, label with the old one, restart, and roll back", f.az("aks mesh upgrade rollback")},
				},
			}
			pods := podsByRevision(f)
			for _, revision := range revisions {
				finding.Objects = append(finding.Objects, Object{"Deployment", mesh.SystemNamespace, "istiod-" + revision})
				if f.Pods.Known() {
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("%d of the pods that were read were injected by %s", pods[revision], revision))
				}
				if mechanism, ok := f.InjectorMechanisms.Value[revision]; ok {
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("the injector of %s follows %s", revision, mechanism))
				}
			}
			r.Add(finding)
		},
	}
}

// compareRevisions orders names of revisions by age, older first.
func compareRevisions(a, b string) int {
	x, errX := mesh.ParseRevision(a)
	y, errY := mesh.ParseRevision(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return x.Compare(y)
}

func podsByRevision(f *Facts) map[string]int {
	count := map[string]int{}
	for pod := range f.MeshPods() {
		if !Ended(pod) {
			count[pod.Revision]++
		}
	}
	return count
}

func mechanismUnreadable() *Rule {
	return &Rule{
		ID: "ICNI104", Title: "the redirection mechanism cannot be read from Azure", Area: AreaAzure, Severity: Medium, Pre: true,
		Needs:     []Need{{PartCluster}},
		Symptom:   "The redirection mechanism reads null in the cluster's Azure resource, whatever it is.",
		Detection: "The cluster was read with an api-version that does not know the field proxyRedirectionMechanism.",
		Cause:     "the api-version is older than the field; the missing value does not mean that CNI is off",
		Remedy:    "Read the cluster with api-version 2026-01-01 or later, or with a preview from 2025-08-02-preview on where the cloud offers nothing newer.",
		Links:     []string{linkCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			cluster := f.Cluster.Value
			if f.Cluster.State != snapshot.Read || cluster.KnowsMechanism || !strings.EqualFold(cluster.MeshMode, "Istio") {
				return
			}
			finding := Finding{
				Objects:  []Object{f.ClusterObject()},
				Evidence: []string{"the cluster was read with api-version " + cluster.APIVersion + ", which does not know the redirection mechanism"},
				Remedy: []Step{
					{"Read it with a newer api-version", "kubectl istio-cni status --api-version 2026-01-01"},
					{"Where the cloud offers none, see whether it offers the preview", "kubectl istio-cni feature show"},
				},
			}
			if mechanism := f.InjectorMechanism(); mechanism != mesh.Unknown {
				finding.Evidence = append(finding.Evidence, "the injectors follow "+mechanism.String())
			}
			r.Add(finding)
		},
	}
}

func clusterNotWritable() *Rule {
	return &Rule{
		ID: "ICNI105", Title: "the cluster is not ready for a change", Area: AreaAzure, Severity: High, Pre: true,
		Needs:     []Need{{PartCluster}},
		Symptom:   "A change of the redirection mechanism is rejected, or waits for another operation.",
		Detection: "The cluster's provisioning state is not Succeeded, or its power state is Stopped. That is Medium while an operation is running, because it ends by itself.",
		Cause:     "the last operation on the cluster did not end well, so the cluster may not be as Azure describes it",
		Remedy:    "Wait for the running operation, start the cluster if it is stopped, or reconcile it if its last operation failed.",
		Links:     []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			if f.Cluster.State == snapshot.Read {
				lookAtState(f, r)
			}
		},
	}
}

func lookAtState(f *Facts, r *Report) {
	cluster := f.Cluster.Value
	finding := Finding{Objects: []Object{f.ClusterObject()}, Evidence: []string{"the cluster's provisioning state is " + cmp.Or(cluster.ProvisioningState, "not set")}}
	switch {
	case strings.EqualFold(cluster.PowerState, "Stopped"):
		finding.Evidence = append(finding.Evidence, "its power state is "+cluster.PowerState)
		finding.Cause = "the cluster is stopped"
		finding.Remedy = []Step{{"Start the cluster", f.az("aks start")}}
	case cluster.InTransition():
		finding.Severity = Medium
		finding.Cause = "an operation is running on the cluster"
		finding.Remedy = []Step{{"Wait until it has ended", "kubectl istio-cni status --watch"}}
	case cluster.ProvisioningState == "" || strings.EqualFold(cluster.ProvisioningState, "Succeeded"):
		return
	default:
		finding.Remedy = []Step{
			{"Look in the cluster's activity log in the Azure portal for what went wrong", ""},
			{"Have Azure reconcile the cluster", f.az("aks update")},
		}
	}
	r.Add(finding)
}
