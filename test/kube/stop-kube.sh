#!/usr/bin/env bash
# Stops what start-kube.sh started, the API server before etcd (the other order leaves it retrying for a minute). Usage: stop-kube.sh DATA_DIR
set -u
for n in apiserver etcd; do
  f=$1/$n.pid; [ -e "$f" ] || continue; p=$(cat "$f"); kill "$p" 2>/dev/null
  for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$p" 2>/dev/null; rm -f "$f"
done
