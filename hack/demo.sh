#!/bin/sh
# The how-to "Enable Istio CNI", from its first line to its last and in both
# directions, on a real control plane on this machine. Beside each of the
# plugin's tables stands the how-to's own kubectl command, and what differs
# between the two, which should be nothing.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
sandbox="$root/bin/sandbox"
PATH="$root/bin:$PATH"
export PATH

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}

howto='{range .items[*]}{.metadata.name}{"\t"}{.spec.initContainers[0].name}{"\t"}{.spec.initContainers[0].securityContext.capabilities}{"\n"}{end}'

# settle waits until the pods that a rollout replaced are gone; both tables would
# show them.
settle() {
	tries=0
	until [ "$(kubectl get pods --no-headers 2>/dev/null | grep -c 'Running')" = 6 ] &&
		[ "$(kubectl get pods --no-headers | wc -l)" -eq 6 ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 150 ] || return 1
		sleep 0.2
	done
}

# compare prints both tables and fails if they differ in more than blanks.
compare() {
	settle
	scratch=$(mktemp -d)
	run kubectl istio-cni pods
	printf "$ kubectl get pods -o jsonpath='%s'\n" "$howto"
	kubectl get pods -o "jsonpath=$howto" | tee "$scratch/howto"
	tr -s ' \t' '\t\t' <"$scratch/howto" >"$scratch/how-to"
	kubectl istio-cni pods --no-headers | tr -s ' \t' '\t\t' >"$scratch/plugin"
	git diff --no-index --exit-code "$scratch/how-to" "$scratch/plugin"
	printf 'No difference between the two in %s pods.\n' "$(wc -l <"$scratch/plugin" | tr -d ' ')"
	rm -r "$scratch"
}

step "A cluster that looks like AKS, on loopback (built at the first run, which takes minutes)"
trap '"$sandbox" down --name demo >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM
exports=$("$sandbox" up --name demo)
eval "$exports"
PATH="$root/bin:$PATH"

step "Where it stands"
run kubectl istio-cni status

step "Switch to the CNI node agent"
run kubectl istio-cni enable --yes
run kubectl get daemonset -n aks-istio-system

step "Put a namespace into the mesh, and deploy a sample"
run kubectl istio-cni label default --yes
"$sandbox" sample | kubectl apply -f - >/dev/null
run kubectl wait --for=condition=Available --timeout=120s deployment --all

step "No pod has a privileged init container"
compare
run kubectl istio-cni pods --verify

step "Switch back"
run kubectl istio-cni disable --yes
run kubectl get daemonset azure-service-mesh-istio-cni-addon-node -n aks-istio-system || true

step "Restart what is stale, and only that"
run kubectl istio-cni restart --yes

step "Every pod has its privileged init container again"
compare

step "And once more to the CNI node agent, with the restart, in one go"
run kubectl istio-cni enable --yes --restart
run kubectl istio-cni status
