import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../proxy/dev/dev-postgres.ts'
import { selfSigned } from '../../test/unit/transport/certificate.ts'
import { cannedS3, passThrough, startNginx, type Pair, type PassThrough } from './nginx.ts'
import type { Party } from './party.ts'
import { PEERS, takenByPeers } from './peers.ts'
import { LOAD_CORE, REFERENCE, SUBJECT_CORE } from './plan.ts'
import { pinned, waitForPort, type Subject } from './process.ts'
import { ANY_CREDENTIALS, OWNER, SluiceSite, type ServeOptions } from './sluice.ts'
import { assignedTenants } from './tenants.ts'
import { contentOf, OBJECTS, type Scene, type Workload } from './workloads.ts'

/** Two processes of Sluice on both cores, which the load then shares. */
export const TWO_WORKERS = 'sluice, two workers'

export interface Stage {
  readonly folder: string
  readonly upstream: Upstream
  readonly site: SluiceSite
  readonly parties: readonly Party[]
}

export interface Upstream extends Subject {
  readonly tlsPort: number
  /** Of the process behind it that reads what is put. */
  readonly sinkPid: number
  readonly pair: Pair
  /** In PEM: what subjects show to clients too. */
  readonly certificate: string
}

export interface StageOptions {
  readonly folder: string
  readonly stops: (() => unknown)[]
  readonly workloads: readonly Workload[]
  /** Leaves out the variants of Sluice and the peers. */
  readonly fewer: boolean
  say(text: string): void
}

/** The canned upstream, with its objects and a certificate for `localhost`. */
export async function startUpstream(folder: string, objects: Readonly<Record<string, Buffer>>): Promise<Upstream> {
  const objectsFolder = join(folder, 'objects')
  mkdirSync(objectsFolder)
  for (const [name, content] of Object.entries(objects)) writeFileSync(join(objectsFolder, name), content)
  const { cert, key } = selfSigned('localhost')
  const pair = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
  writeFileSync(pair.certFile, cert)
  writeFileSync(pair.keyFile, key)
  const [port, tlsPort, sinkPort] = [await freePort(), await freePort(), await freePort()]
  const drain = spawn(...pinned(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'sink.ts'), String(sinkPort)]), {
    stdio: 'inherit'
  })
  await waitForPort(sinkPort, drain)
  const http = cannedS3({ port, tls: { ...pair, port: tlsPort }, sinkPort, objects: objectsFolder, owner: OWNER })
  const canned = await startNginx('upstream', { folder, port, core: LOAD_CORE, http })
  return {
    ...{ ...canned, tlsPort, pair, certificate: cert, sinkPid: drain.pid ?? 0 },
    stop() {
      canned.stop()
      drain.kill()
    }
  }
}

/** Starts the upstream and every subject that one of the workloads needs. */
export async function startStage({ folder, stops, workloads, fewer, say }: StageOptions): Promise<Stage> {
  const upstream = await startUpstream(folder, Object.fromEntries(Object.keys(OBJECTS).map((name) => [name, contentOf(name)])))
  stops.push(() => upstream.stop())
  const site = await SluiceSite.start()
  stops.push(() => site.stop())
  const scenes = new Set(workloads.map(({ scene }) => scene))
  const parties: Party[] = []
  for (const scene of scenes) {
    parties.push(...(await nginxIn(scene, { folder, upstream, stops, fewer })))
    parties.push(...(await sluiceIn(scene, { site, upstream, stops, fewer })))
  }
  if (workloads.some(({ keys }) => keys === 'tenants')) parties.push(await sluiceOfTenants({ upstream, stops }))
  if (!fewer && scenes.has('plain')) {
    parties.push(...(await twoWorkers({ site, upstream, stops, fewer }, say)))
    for (const { name, find, start } of PEERS) {
      const binary = find()
      if (binary === null) {
        say(`${name}: not found, left out`)
        continue
      }
      try {
        const party = await start(binary, { folder, core: SUBJECT_CORE, upstreamPort: upstream.port })
        stops.push(() => party.subject.stop())
        parties.push({ ...party, name, takes: takenByPeers })
      } catch (error) {
        say(`${name}: left out, ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  return { folder, upstream, site, parties: parties.filter((party) => workloads.some((workload) => party.takes(workload))) }
}

interface Nginx {
  readonly folder: string
  readonly upstream: Upstream
  readonly stops: (() => unknown)[]
  readonly fewer: boolean
}

/** The reference of a scene: its clients and its upstream speak TLS where those of Sluice do. */
async function nginxIn(scene: Scene, options: Nginx): Promise<readonly Party[]> {
  const { upstream, fewer } = options
  const secure = scene === 'TLS to the upstream'
  const front = scene === 'TLS in front' ? upstream.pair : null
  const common = { upstreamPort: secure ? upstream.tlsPort : upstream.port, front, upstreamCaFile: secure ? upstream.pair.certFile : null }
  const reference = await nginxParty(REFERENCE, { ...common, buffers: 'tuned' }, options)
  const parties = [{ ...reference, takes: (workload: Workload) => workload.scene === scene }]
  if (scene !== 'plain' || fewer) return parties
  const untuned = await nginxParty('nginx, default buffers', { ...common, buffers: 'default' }, options)
  return [...parties, { ...untuned, takes: ({ name }) => name === 'GET 64 MiB' }]
}

async function nginxParty(
  name: string,
  options: Omit<PassThrough, 'port'>,
  { folder, stops, upstream }: Nginx
): Promise<Omit<Party, 'takes'>> {
  const port = await freePort()
  const subject = await startNginx(`nginx-${port}`, {
    ...{ folder, port, core: SUBJECT_CORE, http: passThrough({ ...options, port }) },
    ...(options.front === null ? {} : { ca: upstream.certificate })
  })
  stops.push(() => subject.stop())
  return { name, subject, credentials: ANY_CREDENTIALS, region: 'local', verifies: false, compiles: false }
}

const OF_METADATA: ReadonlySet<string> = new Set(['GET 1 KiB', 'HEAD', 'PUT 1 KiB, new key'])

interface Sluice {
  readonly site: SluiceSite
  readonly upstream: Upstream
  readonly stops: (() => unknown)[]
  readonly fewer: boolean
}

async function sluiceIn(scene: Scene, options: Sluice): Promise<readonly Party[]> {
  const { upstream, fewer } = options
  const toUpstream =
    scene === 'TLS to the upstream'
      ? { endpoint: `https://localhost:${upstream.tlsPort}`, upstreamCaFile: upstream.pair.certFile }
      : { endpoint: `http://127.0.0.1:${upstream.port}` }
  const front = scene === 'TLS in front' ? { front: upstream.pair } : {}
  const main = await sluiceParty('sluice', { core: SUBJECT_CORE, ...toUpstream, ...front }, options)
  const parties = [{ ...main, takes: (workload: Workload) => workload.scene === scene && workload.keys !== 'tenants' }]
  if (scene !== 'plain' || fewer) return parties
  const metadata = await sluiceParty('sluice, ownership: metadata', { core: SUBJECT_CORE, ...toUpstream, ownership: 'metadata' }, options)
  return [...parties, { ...metadata, takes: ({ name }) => OF_METADATA.has(name) }]
}

/** A second installation, where ten thousand tenants have places of their own, and owners are remembered for longer than a sample takes. */
async function sluiceOfTenants({ upstream, stops }: Pick<Sluice, 'upstream' | 'stops'>): Promise<Party> {
  const site = await SluiceSite.start()
  stops.push(() => site.stop())
  await site.assign(assignedTenants())
  const options: ServeOptions = {
    ...{ core: SUBJECT_CORE, endpoint: `http://127.0.0.1:${upstream.port}` },
    more: { timeouts: { ownerCache: '60s' } }
  }
  return { ...(await sluiceParty('sluice', options, { site, stops })), takes: ({ keys }) => keys === 'tenants' }
}

async function twoWorkers(options: Sluice, say: (text: string) => void): Promise<readonly Party[]> {
  const more = { workers: 2 }
  if (!(await options.site.accepts(more))) {
    say(`${TWO_WORKERS}: this version has no setting workers, left out`)
    return []
  }
  const cores = [SUBJECT_CORE, LOAD_CORE]
  const party = await sluiceParty(TWO_WORKERS, { core: cores, endpoint: `http://127.0.0.1:${options.upstream.port}`, more }, options)
  return [{ ...party, takes: ({ name }) => name === 'GET 1 KiB' }]
}

async function sluiceParty(
  name: string,
  options: ServeOptions,
  { site, stops }: Pick<Sluice, 'site' | 'stops'>
): Promise<Omit<Party, 'takes'>> {
  const subject = await site.serve(name, options)
  stops.push(() => subject.stop())
  return { name, subject, credentials: await site.session(), region: 'local', verifies: true, compiles: true }
}
