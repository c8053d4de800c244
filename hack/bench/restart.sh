#!/bin/sh
# Restarts many Deployments of a mesh, with the plugin and with kubectl in turn, on
# a sandbox with real controllers, and prints a Markdown table. Requests are
# counted from what each client logs at -v=6.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
n=${DEPLOYMENTS:-500}
runs=${RUNS:-3}
parallel=${PARALLEL:-50}
sandbox="$root/bin/sandbox"
scratch=$(mktemp -d)
trap '"$sandbox" down --name bench >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
exports=$("$sandbox" up --name bench)
eval "$exports"
PATH="$root/bin:$PATH"
export PATH KUBECTL_KUBERC=false

deployment() {
	cat <<END
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-$1, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web-$1}}
  template:
    metadata: {labels: {app: web-$1}}
    spec: {containers: [{name: app, image: registry.example/app:1}]}
END
}

settled() {
	until [ "$(kubectl get deployments -n shop -o 'jsonpath={range .items[?(@.status.availableReplicas==1)]}x{end}' | wc -c)" -eq "$n" ]; do sleep 1; done
	until [ "$(kubectl get pods -n shop --no-headers | grep -c Running)" -eq "$n" ]; do sleep 1; done
}

# Room for all of them, and for those that replace them.
room='{"cpu":"1000","memory":"2000Gi","pods":"1000"}'
for node in $(kubectl get nodes -o name); do
	kubectl patch "$node" --subresource=status --type merge -p "{\"status\":{\"allocatable\":$room,\"capacity\":$room}}" >/dev/null
done
kubectl create namespace shop >/dev/null
kubectl istio-cni label shop --yes >/dev/null 2>&1
i=0
while [ "$i" -lt "$n" ]; do
	deployment "$i"
	i=$((i + 1))
done >"$scratch/all.yaml"
echo "making $n Deployments" >&2
kubectl apply -f "$scratch/all.yaml" >/dev/null
settled

# milliseconds COMMAND... prints how long it took.
milliseconds() {
	begun=$(date +%s%N)
	"$@" >"$scratch/out" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
	echo $((($(date +%s%N) - begun) / 1000000))
}

plugin() { kubectl istio-cni restart -n shop --all --yes --timeout 30m --max-parallel "$1" -v "${2:-0}"; }

rival() {
	kubectl rollout restart deployment -n shop -v "${1:-0}"
	kubectl get deployments -n shop -o name -v "${1:-0}" >"$scratch/names"
	while read -r name; do kubectl rollout status -n shop "$name" -v "${1:-0}"; done <"$scratch/names"
}

# median of the numbers in a file.
median() { sort -n "$1" | sed -n "$(((runs + 1) / 2))p"; }

run=0
while [ "$run" -lt "$runs" ]; do
	for wide in "$parallel" 5; do
		settled
		milliseconds plugin "$wide" >>"$scratch/plugin-$wide"
	done
	settled
	milliseconds rival >>"$scratch/rival"
	run=$((run + 1))
	echo "run $run of $runs: $(tail -qn 1 "$scratch/plugin-$parallel" "$scratch/plugin-5" "$scratch/rival" | tr '\n' ' ')ms" >&2
done

# requests prints how many lists, watches, patches and other requests are in a log.
requests() {
	sed -n 's/.*"\{0,1\}\(verb=\|\)"\{0,1\}\(GET\|PATCH\|POST\|PUT\|DELETE\)"\{0,1\} .*\(https:[^ "]*\).*/\2 \3/p' "$1" |
		awk '$1 == "PATCH" { patch++; next } $2 ~ /watch=/ { watch++; next } { other++ }
			END { printf "%d patches, %d watches, %d others", patch, watch, other }'
}
settled
plugin "$parallel" 6 >"$scratch/out" 2>"$scratch/plugin.log"
settled
rival 6 >"$scratch/out" 2>"$scratch/rival.log"

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
seconds() { awk -v a="$1" 'BEGIN { printf "%.1f s", a / 1000 }'; }
base=$(median "$scratch/rival")
echo "| restart of $n Deployments, median of $runs | wall | of kubectl's | requests |"
echo "|---|--:|--:|---|"
a=$(median "$scratch/plugin-$parallel")
echo "| \`kubectl istio-cni restart --all --max-parallel $parallel\` | $(seconds "$a") | $(ratio "$a" "$base") | $(requests "$scratch/plugin.log") |"
a=$(median "$scratch/plugin-5")
echo "| the same with the default, 5 at a time | $(seconds "$a") | $(ratio "$a" "$base") | |"
echo "| \`kubectl rollout restart\`, then \`kubectl rollout status\` of each | $(seconds "$base") | 1 | $(requests "$scratch/rival.log") |"
