#!/bin/sh
# Draws the README's picture from a real switch on a sandbox.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
sandbox="$root/bin/sandbox"
PATH="$root/bin:$PATH"
export PATH

trap '"$sandbox" down --name contoso-shop >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM
exports=$("$sandbox" up --name contoso-shop)
eval "$exports"
PATH="$root/bin:$PATH"

kubectl istio-cni label default --yes
"$sandbox" sample | kubectl apply -f - >/dev/null
for deployment in $(kubectl get deployments -o name); do
	kubectl rollout status "$deployment" >/dev/null
done

scratch=$(mktemp -d)
{
	printf '\033[1m$ kubectl istio-cni enable --yes --restart\033[0m\n'
	kubectl istio-cni enable --yes --restart --color=always 2>&1
} >"$scratch/screen"
go -C "$root" run ./hack/picture --title 'kubectl istio-cni enable switches a cluster to the CNI node agent, restarts what is stale, and proves the result' \
	<"$scratch/screen" >"$scratch/picture"
mkdir -p "$root/docs/images"
mv "$scratch/picture" "$root/docs/images/enable.svg"
rm -r "$scratch"
