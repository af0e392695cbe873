/**
 * `npm run bench`: what a request costs Sluice, as a ratio to a tuned nginx that only passes bytes on, in one run.
 * Subjects are bound to one core, upstream and load to another; rounds are interleaved in random order; a sample counts
 * processor time of the subject from /proc. `--quick` takes under a minute and is for trying.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../proxy/dev/dev-postgres.ts'
import type { Credentials } from '../../test/integration/attacks/signer.ts'
import { cannedS3, nginxVersion, passThrough, startNginx } from './nginx.ts'
import { takeMemory, type MemorySample } from './memory.ts'
import type { Subject } from './process.ts'
import { prepare } from './requests.ts'
import { machineOf, summarize, type Results } from './results.ts'
import { latencies, takeSample, type Sample, type Tools } from './sample.ts'
import { ANY_CREDENTIALS, OWNER, SluiceSite, TENANT } from './sluice.ts'
import { writeReport } from './report.ts'
import { OBJECTS, WORKLOADS, type Workload } from './workloads.ts'

const quick = process.argv.includes('--quick')
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length) ?? null
const PLAN = quick
  ? { rounds: 1, seconds: 1, warmSeconds: 0.5, latencySeconds: 1 }
  : { rounds: 5, seconds: 3, warmSeconds: 2, latencySeconds: 4 }
/** Requests a second while latencies are taken: low enough that nothing queues. */
const LATENCY_RATE = 200
const SUBJECT_CORE = 0
const LOAD_CORE = 1

interface Party {
  readonly subject: Subject
  /** Null where nothing is checked. */
  readonly credentials: Credentials
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const stops: (() => unknown)[] = []

try {
  await bench()
} catch (error) {
  say(`the bench stopped: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  for (const stop of stops.reverse()) await stop()
}

async function bench(): Promise<void> {
  const nginx = nginxVersion()
  if (nginx === null)
    throw new Error('nginx is not on PATH: every figure is a ratio to it, so install it first (apt-get install nginx-light)')
  if (availableParallelism() < 2) throw new Error('two cores are needed: one for what is measured, one for upstream and load')
  const hasWrk = spawnSync('wrk', ['-v']).error === undefined
  if (!hasWrk) say('wrk is not on PATH: small reads are loaded by our own generator')
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  stops.push(() => rmSync(folder, { recursive: true, force: true }))

  const { upstream, parties } = await startParties(folder)
  const tools: Tools = { folder, core: LOAD_CORE, hasWrk, upstream }
  const workloads = WORKLOADS.filter(({ name }) => only === null || name.includes(only))
  await checkBytes(parties)
  const samples = await takeAll(workloads, parties, tools)
  const lowLoad = await takeLatencies(workloads, parties, tools)
  const memory = quick || only !== null ? [] : await takeMemories(parties, tools)
  const results: Results = {
    machine: machineOf({ nginx, wrk: hasWrk }),
    date: new Date().toISOString(),
    plan: { ...PLAN, latencyRate: LATENCY_RATE },
    rows: summarize(samples, lowLoad, 'nginx'),
    memory
  }
  writeReport(results, { quick, partial: only !== null })
}

async function startParties(folder: string): Promise<{ upstream: Subject; parties: readonly Party[] }> {
  const objects = join(folder, 'objects')
  mkdirSync(objects)
  for (const [name, size] of Object.entries(OBJECTS)) writeFileSync(join(objects, name), Buffer.alloc(size, `${name} `))
  const upstreamPort = await freePort()
  const http = cannedS3(upstreamPort, objects, OWNER)
  const upstream = await startNginx('upstream', { folder, port: upstreamPort, core: LOAD_CORE, http })
  stops.push(() => upstream.stop())
  const referencePort = await freePort()
  const reference = await startNginx('nginx', {
    ...{ folder, port: referencePort, core: SUBJECT_CORE },
    http: passThrough(referencePort, upstreamPort)
  })
  stops.push(() => reference.stop())
  const site = await SluiceSite.start()
  stops.push(() => site.stop())
  const parties: Party[] = [{ subject: reference, credentials: ANY_CREDENTIALS }]
  for (const [name, ownership] of [
    ['sluice', 'tag'],
    ['sluice, ownership: metadata', 'metadata']
  ] as const) {
    const subject = await site.serve(name, { upstreamPort, core: SUBJECT_CORE, ownership })
    stops.push(() => subject.stop())
    parties.push({ subject, credentials: subject.credentials })
  }
  return { upstream, parties }
}

/** Every subject gives exactly the bytes of each object, or nothing is timed. */
async function checkBytes(parties: readonly Party[]): Promise<void> {
  for (const { subject, credentials } of parties) {
    for (const [object, size] of Object.entries(OBJECTS)) {
      const workload: Workload = { name: '', method: 'GET', size, object, connections: 1, payload: 'none', newKeys: false }
      const { heads } = prepare(workload, { port: subject.port, bucket: TENANT, credentials, folder: '', round: 'check' })
      const headers = (heads[0] ?? '')
        .trimEnd()
        .split('\r\n')
        .slice(1)
        .map((line) => line.split(': ') as [string, string])
        .filter(([name]) => !['Host', 'accept-encoding'].includes(name))
      const response = await fetch(`http://127.0.0.1:${subject.port}/${TENANT}/${object}`, {
        headers: [...headers, ['accept-encoding', 'identity']]
      })
      const got = createHash('sha256')
        .update(Buffer.from(await response.arrayBuffer()))
        .digest('hex')
      const expected = createHash('sha256')
        .update(Buffer.alloc(size, `${object} `))
        .digest('hex')
      if (response.status !== 200 || got !== expected)
        throw new Error(`${subject.name} answered ${response.status} with other bytes for ${object}`)
    }
  }
  say('bytes are the same everywhere')
}

async function takeAll(workloads: readonly Workload[], parties: readonly Party[], tools: Tools): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (let round = -1; round < PLAN.rounds; round += 1) {
    for (const workload of workloads) {
      for (const party of shuffled(parties)) {
        const { subject } = party
        const seconds = round < 0 ? PLAN.warmSeconds : PLAN.seconds
        const prepared = preparedFor(workload, party, `${round}`)
        const sample = await takeSample({ workload, subject, round, seconds }, prepared, tools)
        // The first round lets compilers and caches settle.
        if (round >= 0) samples.push(sample)
        say(`${round < 0 ? 'warm-up' : `round ${round + 1} of ${PLAN.rounds}`}: ${workload.name}, ${subject.name}: ${shown(sample)}`)
      }
    }
  }
  return samples

  function preparedFor(workload: Workload, { subject, credentials }: Party, round: string): ReturnType<typeof prepare> {
    return prepare(workload, { port: subject.port, bucket: TENANT, credentials, folder: tools.folder, round: `r${round}` })
  }
}

async function takeLatencies(
  workloads: readonly Workload[],
  parties: readonly Party[],
  tools: Tools
): Promise<ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>> {
  const all = new Map<string, Map<string, readonly number[]>>()
  for (const workload of workloads.filter(({ size }) => size <= 64 * 1024)) {
    const bySubject = new Map<string, readonly number[]>()
    all.set(workload.name, bySubject)
    for (const { subject, credentials } of parties) {
      const prepared = prepare(workload, { port: subject.port, bucket: TENANT, credentials, folder: tools.folder, round: 'latency' })
      const few = { ...workload, connections: 16 }
      bySubject.set(
        subject.name,
        await latencies({ workload: few, port: subject.port, seconds: PLAN.latencySeconds, perSecond: LATENCY_RATE }, prepared, tools)
      )
      say(`latencies: ${workload.name}, ${subject.name}`)
    }
  }
  return all
}

const IDLE_CONNECTIONS = 10_000
const SLOW_READERS = 64

async function takeMemories(parties: readonly Party[], tools: Tools): Promise<readonly MemorySample[]> {
  const taken: MemorySample[] = []
  for (const [state, object, connections, slow] of [
    ['idle keep-alive', '1k', IDLE_CONNECTIONS, false],
    ['slow readers of 64 MiB', '64m', SLOW_READERS, true]
  ] as const) {
    for (const { subject, credentials } of parties) {
      const workload: Workload = { name: state, method: 'GET', size: 0, object, connections, payload: 'none', newKeys: false }
      const { heads } = prepare(workload, { port: subject.port, bucket: TENANT, credentials, folder: tools.folder, round: 'memory' })
      taken.push(await takeMemory(subject, { state, head: heads[0] ?? '', connections, slow }, tools))
      say(`memory: ${state}, ${subject.name}`)
    }
  }
  return taken
}

function shown({ cpuSeconds, requests, bytes, seconds, foreignCores }: Sample): string {
  const perRequest = `${((cpuSeconds / requests) * 1e6).toFixed(1)} µs`
  const rate = bytes / requests > 1_000_000 ? `${(bytes / seconds / 2 ** 30).toFixed(2)} GiB/s` : `${(requests / seconds).toFixed(0)}/s`
  return `${perRequest} a request, ${rate}, others took ${foreignCores.toFixed(2)} cores`
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
