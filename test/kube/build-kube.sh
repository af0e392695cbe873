#!/usr/bin/env bash
# Builds a real etcd, kube-apiserver and kubectl from published Go modules alone: six minutes on two quiet cores, once.
# k8s.io/kubernetes keeps its staging modules behind `replace ./staging`, so `go install k8s.io/kubernetes/cmd/...@v` is
# refused: a small main module repeats the replaces against the published k8s.io/*@v0.MINOR.PATCH instead.
# Usage: build-kube.sh BIN_DIR [extra command ...]     e.g. kube-controller-manager
# Environment: KUBE_VERSION (default 1.36.3; its go.mod needs Go >= 1.26), ETCD comes at the version that Kubernetes pins (3.6.8).
set -euo pipefail
version=${KUBE_VERSION:-1.36.3}
bin=$1; shift
mkdir -p "$bin"; bin=$(cd "$bin" && pwd)
stamp="$bin/.kube-$version"
if [ -e "$stamp" ] && [ $# -eq 0 ]; then echo "kube $version is already in $bin"; exit 0; fi
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
gomod=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
{
  echo "module sluice.test/kube"
  grep -E '^(go|godebug) ' "$gomod"
  echo "require k8s.io/kubernetes v$version"
  echo "replace ("
  sed -n 's#^\t\(k8s\.io/[a-z0-9-]*\) => \./staging/.*#\t\1 => \1 v0.'"${version#1.}"'#p' "$gomod"
  echo ")"
} > go.mod
{
  echo '//go:build tools'
  echo 'package tools'
  echo 'import ('
  echo '	_ "go.etcd.io/etcd/server/v3"'
  for c in kube-apiserver kubectl "$@"; do echo "	_ \"k8s.io/kubernetes/cmd/$c\""; done
  echo ')'
} > tools.go
go mod tidy
p=k8s.io/component-base/version
minor=${version#1.}; minor=${minor%%.*}
ld="-s -w -X $p.gitMajor=1 -X $p.gitMinor=$minor -X $p.gitVersion=v$version -X $p.gitTreeState=clean"
build() { local t=$SECONDS; echo "building $2"; go build -trimpath -ldflags "$3" -o "$bin/$1" "$2"; echo "built $1 in $((SECONDS - t)) s"; }
build etcd go.etcd.io/etcd/server/v3 "-s -w"
for c in kube-apiserver kubectl "$@"; do build "$c" "k8s.io/kubernetes/cmd/$c" "$ld"; done
touch "$stamp"
