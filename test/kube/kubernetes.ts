import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../proxy/dev/dev-postgres.ts'
import { KUBE_BINARIES } from './binaries.ts'

/** A real API server with etcd, on loopback, without nodes. */
export interface Kubernetes {
  /** `https://127.0.0.1:<port>`: the address and the `iss`. */
  readonly url: string
  readonly caFile: string
  kubectl(args: readonly string[], manifest?: object): Promise<string>
  /** Ends the API server, so that nobody answers. */
  stop(): void
}

const script = (name: string): string => join(import.meta.dirname, name)

/** Starts one; its test stops it. */
export async function startKubernetes(): Promise<Kubernetes> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-kube-'))
  const [port, etcd, peer] = await Promise.all([freePort(), freePort(), freePort()])
  const env = { ...process.env, KUBE_PORT: String(port), ETCD_PORT: String(etcd), ETCD_PEER_PORT: String(peer) }
  let isStopped = false
  const stop = (): void => {
    if (isStopped) return
    isStopped = true
    execFileSync(script('stop-kube.sh'), [folder], { stdio: 'ignore' })
    rmSync(folder, { recursive: true, force: true })
  }
  // Also when the test dies: neither process is a child that would end with it.
  process.once('exit', stop)
  try {
    await promisify(execFile)(script('start-kube.sh'), [KUBE_BINARIES, folder], { env })
  } catch (error) {
    stop()
    throw error
  }
  const kubectl = join(KUBE_BINARIES, 'kubectl')
  return {
    url: `https://127.0.0.1:${port}`,
    caFile: join(folder, 'ca.crt'),
    async kubectl(args, manifest) {
      const file = join(folder, 'manifest.json')
      if (manifest !== undefined) writeFileSync(file, JSON.stringify(manifest))
      const all = ['--kubeconfig', join(folder, 'admin.kubeconfig'), ...args, ...(manifest === undefined ? [] : ['-f', file])]
      const { stdout } = await promisify(execFile)(kubectl, all)
      return stdout.trim()
    },
    stop
  }
}

/** The text of the file with the authority of the API server. */
export const caOf = ({ caFile }: Kubernetes): string => readFileSync(caFile, 'utf8')
