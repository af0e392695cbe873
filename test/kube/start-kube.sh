#!/usr/bin/env bash
# Starts etcd and kube-apiserver on loopback with a service-account issuer, writes an admin kubeconfig, waits for readiness.
# Usage: start-kube.sh BIN_DIR DATA_DIR        then: export KUBECONFIG=DATA_DIR/admin.kubeconfig; stop with stop-kube.sh DATA_DIR
# Environment: KUBE_PORT, ETCD_PORT, ETCD_PEER_PORT, all required
set -euo pipefail
bin=$(cd "$1" && pwd); mkdir -p "$2"; d=$(cd "$2" && pwd)
port=$KUBE_PORT; eport=$ETCD_PORT; pport=$ETCD_PEER_PORT
issuer=https://127.0.0.1:$port
cd "$d"; umask 077
if [ ! -e ca.crt ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout server.key -out server.csr 2>/dev/null
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out server.crt \
    -extfile <(echo "subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1") 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /O=system:masters/CN=admin -keyout admin.key -out admin.csr 2>/dev/null
  openssl x509 -req -in admin.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out admin.crt -extfile <(echo extendedKeyUsage=clientAuth) 2>/dev/null
  openssl genrsa -out sa.key 2048 2>/dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
fi
setsid "$bin/etcd" --name test --data-dir "$d/etcd" --listen-client-urls "http://127.0.0.1:$eport" --advertise-client-urls "http://127.0.0.1:$eport" \
  --listen-peer-urls "http://127.0.0.1:$pport" --initial-advertise-peer-urls "http://127.0.0.1:$pport" --initial-cluster "test=http://127.0.0.1:$pport" \
  --unsafe-no-fsync --log-level warn > etcd.log 2>&1 < /dev/null & echo $! > etcd.pid
setsid "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$eport" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$port" \
  --tls-cert-file server.crt --tls-private-key-file server.key --client-ca-file ca.crt --authorization-mode RBAC --endpoint-reconciler-type none \
  --service-account-issuer "$issuer" --service-account-jwks-uri "$issuer/openid/v1/jwks" --service-account-signing-key-file sa.key --service-account-key-file sa.pub \
  --service-cluster-ip-range 10.96.0.0/16 > apiserver.log 2>&1 < /dev/null & echo $! > apiserver.pid
cat > admin.kubeconfig <<K
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "$issuer", certificate-authority: "$d/ca.crt"}}]
users: [{name: admin, user: {client-certificate: "$d/admin.crt", client-key: "$d/admin.key"}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
K
for _ in $(seq 300); do
  kill -0 "$(cat apiserver.pid)" 2>/dev/null || { tail -5 apiserver.log >&2; exit 1; }
  if "$bin/kubectl" --kubeconfig admin.kubeconfig get --raw /readyz >/dev/null 2>&1; then
    echo "kube-apiserver ready at $issuer after $SECONDS s"
    exit 0
  fi
  sleep 0.2
done
echo "kube-apiserver not ready after 60 s" >&2; tail -5 apiserver.log >&2; exit 1
