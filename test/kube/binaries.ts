import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where `npm run test:kube` puts etcd, kube-apiserver and kubectl. */
export const KUBE_BINARIES = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', 'kube')

/** Whether they were built. */
export function haveKube(): boolean {
  return ['etcd', 'kube-apiserver', 'kubectl'].every((name) => existsSync(join(KUBE_BINARIES, name)))
}

export const NO_KUBE = 'there is no kube-apiserver: `npm run test:kube` builds one, from published Go modules'
