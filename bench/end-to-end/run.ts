/**
 * `npm run bench`: what a request costs Sluice, as a ratio to a tuned nginx that only passes bytes on, in one run.
 * Subjects are bound to one core, upstream and load to another; rounds are interleaved in random order; a sample counts
 * processor time of the subject from /proc. `--quick` takes under a minute and is for trying; `--only=NAME` takes the
 * workloads whose names hold it. Neither touches the results of whole runs.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../proxy/dev/dev-postgres.ts'
import { checkAnswers } from './check.ts'
import { takeColdRead, type ColdRead } from './cold.ts'
import { takeMemories, type MemorySample } from './memory.ts'
import { nginxVersion, passThrough, startNginx } from './nginx.ts'
import { startStage, type Stage } from './parties.ts'
import type { Party } from './party.ts'
import { FULL, LOAD_CORE, QUICK, REFERENCE, SUBJECT_CORE } from './plan.ts'
import { writeReport } from './report.ts'
import { machineOf, summarize } from './results.ts'
import { takeAll, takeLatencies, type Bench } from './rounds.ts'
import type { Tools } from './sample.ts'
import { ANY_CREDENTIALS } from './sluice.ts'
import { WORKLOADS } from './workloads.ts'

const quick = process.argv.includes('--quick')
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length) ?? null
const plan = quick ? QUICK : FULL
const started = performance.now()
const seconds = (): number => Math.round((performance.now() - started) / 1000)
const say = (text: string): void => void process.stderr.write(`${String(seconds()).padStart(4)} s  ${text}\n`)
const stops: (() => unknown)[] = []

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end().then(() => process.exit(130)))
try {
  await bench()
} catch (error) {
  say(`the bench stopped: ${error instanceof Error ? error.message.slice(0, 1000) : String(error)}`)
  process.exitCode = 1
} finally {
  await end()
}

async function bench(): Promise<void> {
  const nginx = nginxVersion()
  if (nginx === null)
    throw new Error('nginx is not on PATH: every figure is a ratio to it, so install it first (apt-get install nginx-light)')
  if (availableParallelism() < 2) throw new Error('two cores are needed: one for what is measured, one for upstream and load')
  const hasWrk = spawnSync('wrk', ['-v']).error === undefined
  if (!hasWrk) say('wrk is not on PATH: small reads are loaded by our own generator')
  const workloads = WORKLOADS.filter(({ name }) => (only === null ? (plan.workloads?.includes(name) ?? true) : name.includes(only)))
  if (workloads.length === 0) throw new Error(`no workload is named like ${only ?? ''}: ${WORKLOADS.map(({ name }) => name).join('; ')}`)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  stops.push(() => rmSync(folder, { recursive: true, force: true }))

  const stage = await startStage({ folder, stops, workloads, fewer: quick, say })
  const tools: Tools = { folder, core: LOAD_CORE, hasWrk, upstream: stage.upstream }
  const bench: Bench = { workloads, parties: stage.parties, tools, plan, say, elapsed: seconds }
  const cipher = await checkAnswers(stage.parties)
  say('every subject gives the same bytes')
  const samples = await takeAll(bench)
  const lowLoad = await takeLatencies(bench)
  const cold = await coldRead(bench, stage)
  const memory = plan.takesMemory && only === null ? await memories(stage, tools) : []
  writeReport(
    {
      machine: machineOf({ nginx, wrk: hasWrk, cipher }),
      date: new Date().toISOString(),
      tookSeconds: seconds(),
      plan,
      rows: summarize(samples, lowLoad, REFERENCE),
      cold,
      memory
    },
    { quick, partial: only !== null }
  )
  if (!quick && only === null) say('now UPDATE_DOCS=1 npx tap test/unit/docs.test.ts puts them into README and docs/performance.md')
}

async function coldRead({ workloads, tools }: Bench, stage: Stage): Promise<ColdRead | null> {
  if (!workloads.some(({ name }) => name === 'cold read')) return null
  say('cold reads from an upstream far away')
  return takeColdRead(stage, plan, tools, stops)
}

/** Of processes that have done nothing else. */
async function memories({ folder, upstream, site }: Stage, tools: Tools): Promise<readonly MemorySample[]> {
  const port = await freePort()
  const http = passThrough({ port, upstreamPort: upstream.port, front: null, upstreamCaFile: null, buffers: 'tuned' })
  const nginx = await startNginx('nginx-fresh', { folder, port, core: SUBJECT_CORE, http })
  stops.push(() => nginx.stop())
  const sluice = await site.serve('fresh', { core: SUBJECT_CORE, endpoint: `http://127.0.0.1:${upstream.port}` })
  stops.push(() => sluice.stop())
  const common = { region: 'local', compiles: true, takes: () => true }
  const parties: Party[] = [
    { ...common, name: REFERENCE, subject: nginx, credentials: ANY_CREDENTIALS, verifies: false },
    { ...common, name: 'sluice', subject: sluice, credentials: await site.session(), verifies: true }
  ]
  say('memory')
  return takeMemories(parties, tools)
}

async function end(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop()
}
