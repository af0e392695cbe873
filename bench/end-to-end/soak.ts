/**
 * `npm run bench:soak`: a thousand clients for a minute, who read and write 1 KiB to 8 MiB, leave in the middle and read slowly.
 * Nothing that they did not break may fail, memory must stay flat, and nothing may stay open. Writes bench/results/soak.json;
 * `--seconds=N` takes less, and `--out=FOLDER` writes it there.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nginxVersion } from './nginx.ts'
import { startUpstream, type Upstream } from './parties.ts'
import { LOAD_CORE, SUBJECT_CORE } from './plan.ts'
import type { Party } from './party.ts'
import { descriptorsOf, pinned, residentBytes, socketsOf } from './process.ts'
import { RESULTS } from './report.ts'
import { prepare } from './requests.ts'
import { machineOf, median, type Machine } from './results.ts'
import { SluiceSite, TENANT, type SluiceSubject } from './sluice.ts'
import type { SoakOrder, SoakOutcome } from './soak-order.ts'
import { WORKLOADS } from './workloads.ts'

const argument = (name: string): string | null => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3) ?? null
const SECONDS = Math.min(60, Number(argument('seconds') ?? 60))
const CLIENTS = 1_000
const WARM_SECONDS = 5
const OBJECTS: Readonly<Record<string, number>> = { s1: 1024, s2: 16_384, s3: 262_144, s4: 1_048_576, s5: 8_388_608 }
const WRITES = 10_000
/** Of the second half of the samples, to the first. */
const GROWTH_MAX = 1.15
/** Connections to Postgres, which are opened as they are needed and kept. */
const POOL_MAX = 12
/** Longer than an idle connection to an upstream is kept. */
const IDLE_MS = 8_000

interface Open {
  readonly clients: number
  readonly upstream: number
}

interface Soak {
  readonly machine: Machine
  readonly date: string
  readonly clients: number
  readonly seconds: number
  readonly outcome: SoakOutcome
  /** Each second. */
  readonly residentMb: readonly number[]
  readonly growth: number
  /** Of each second, as the process reports it; null where it reports none. */
  readonly eventLoopDelayP99Ms: { readonly median: number; readonly most: number } | null
  readonly descriptors: { readonly before: number; readonly after: number }
  /** Connections before and after: the bench itself keeps one, over which it asked for its session. */
  readonly rest: Open
  readonly leftOpen: Open
  readonly problems: readonly string[]
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const folder = mkdtempSync(join(tmpdir(), 'sluice-soak-'))
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
try {
  const soak = await takeSoak()
  const out = argument('out') ?? RESULTS
  mkdirSync(out, { recursive: true })
  // A shorter one says less and must not stand where a whole one did.
  const file = join(out, SECONDS < 60 ? 'partial.soak.json' : 'soak.json')
  writeFileSync(file, `${JSON.stringify(soak, null, 1)}\n`)
  say(`${JSON.stringify({ ...soak, residentMb: soak.residentMb.map(Math.round).join(' ') }, null, 1)}\nwritten: ${file}`)
  if (soak.problems.length > 0) process.exitCode = 1
} finally {
  for (const stop of stops.reverse()) await stop()
}

async function takeSoak(): Promise<Soak> {
  const nginx = nginxVersion()
  if (nginx === null) throw new Error('nginx is not on PATH: it is the upstream, so install it first (apt-get install nginx-light)')
  const upstream = await startUpstream(
    folder,
    Object.fromEntries(Object.entries(OBJECTS).map(([name, size]) => [name, Buffer.alloc(size, `${name} `)]))
  )
  stops.push(() => upstream.stop())
  const site = await SluiceSite.start()
  stops.push(() => site.stop())
  const limits = { connectionsMax: 12_000, requestsMax: 4_096, upstreamConnectionsMax: 4_096 }
  const endpoint = `http://127.0.0.1:${upstream.port}`
  const subject = await site.serve('soaked', { core: SUBJECT_CORE, endpoint, more: { limits } })
  stops.push(() => subject.stop())
  const common = { region: 'local', verifies: true, compiles: true, takes: () => true }
  const party: Party = { ...common, name: 'sluice', subject, credentials: await site.session() }

  say(`warm-up of ${WARM_SECONDS} s`)
  await runClients(orderOf(party, WARM_SECONDS))
  await sleep(IDLE_MS)
  const before = descriptorsOf(subject.pid)
  const rest = openOf(subject, upstream)
  say(`${CLIENTS} clients for ${SECONDS} s`)
  const watching = watchProcess(subject)
  const outcome = await runClients(orderOf(party, SECONDS))
  const { residentMb: all, delaysMs } = await watching.stop()
  // The rest is of slow readers who finish.
  const residentMb = all.slice(0, SECONDS)
  await sleep(IDLE_MS)
  const after = descriptorsOf(subject.pid)
  const half = Math.floor(residentMb.length / 2)
  const growth = mean(residentMb.slice(half)) / mean(residentMb.slice(0, half))
  const leftOpen = openOf(subject, upstream)
  return {
    ...{ machine: machineOf({ nginx, wrk: false, cipher: null }), date: new Date().toISOString(), clients: CLIENTS, seconds: SECONDS },
    ...{ outcome, residentMb, growth, descriptors: { before, after }, rest, leftOpen },
    eventLoopDelayP99Ms: delaysMs.length === 0 ? null : { median: median(delaysMs), most: Math.max(...delaysMs) },
    problems: [
      ...(outcome.failures > 0 ? [`${outcome.failures} requests failed, first: ${outcome.firstFailure ?? ''}`] : []),
      ...(growth > GROWTH_MAX ? [`memory grew by ${((growth - 1) * 100).toFixed(0)} % from the first half to the second`] : []),
      ...(leftOpen.clients > rest.clients ? [`${leftOpen.clients} connections of clients are still open`] : []),
      ...(leftOpen.upstream > rest.upstream ? [`${leftOpen.upstream} connections to the upstream are still open`] : []),
      ...(after > before + POOL_MAX ? [`${after} descriptors are open, ${before} were`] : [])
    ]
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function orderOf(party: Party, seconds: number): SoakOrder {
  const [read] = WORKLOADS
  const write = WORKLOADS.find(({ name }) => name === 'PUT 64 MiB, UNSIGNED-PAYLOAD')
  if (read === undefined || write === undefined) throw new Error('a workload is missing')
  const signing = { bucket: TENANT, folder, round: `soak-${seconds}`, newKeys: WRITES }
  return {
    ...{ port: party.subject.port, clients: CLIENTS, seconds },
    reads: Object.entries(OBJECTS).map(([object, size]) => ({ size, head: prepare({ ...read, object }, party, signing).heads[0] ?? '' })),
    // The length is not signed: each client adds its own.
    writes: prepare({ ...write, size: 0 }, party, signing).heads.map((head) => head.replace(/content-length: 0\r\n/, ''))
  }
}

async function runClients(order: SoakOrder): Promise<SoakOutcome> {
  const file = join(folder, 'soak.json')
  writeFileSync(file, JSON.stringify(order))
  const [command, args] = pinned(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'soak-clients.ts'), file])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the clients ended with ${String(code)}`)
  return JSON.parse(stdout) as SoakOutcome
}

interface Watching {
  stop(): Promise<{ readonly residentMb: readonly number[]; readonly delaysMs: readonly number[] }>
}

function watchProcess({ pid, opsPort }: SluiceSubject): Watching {
  const residentMb: number[] = []
  const delaysMs: number[] = []
  let isOver = false
  const look = async (): Promise<void> => {
    while (!isOver) {
      residentMb.push(residentBytes(pid) / 1e6)
      const page = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()
      const seconds = /^nodejs_eventloop_lag_p99_seconds(?:\{[^}]*\})? (\S+)$/m.exec(page)?.[1]
      if (seconds !== undefined) delaysMs.push(Number(seconds) * 1000)
      await sleep(1000)
    }
  }
  const looking = look()
  return {
    async stop() {
      isOver = true
      await looking
      return { residentMb, delaysMs }
    }
  }
}

function openOf({ pid, port }: SluiceSubject, upstream: Upstream): Open {
  const open = socketsOf(pid).filter(({ isListening }) => !isListening)
  return {
    clients: open.filter(({ localPort }) => localPort === port).length,
    upstream: open.filter(({ remotePort }) => remotePort === upstream.port).length
  }
}
