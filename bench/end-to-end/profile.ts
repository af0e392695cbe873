/**
 * `npm run bench:profile`: where the time of a GET of 1 KiB goes. Takes a CPU profile of a warm Sluice under load and writes it
 * as a flame graph to bench/results/flame-get-1k.svg; `--out=FOLDER` writes it there, beside the .cpuprofile.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flameGraph, type CpuProfile } from './flame.ts'
import { startUpstream } from './parties.ts'
import type { Party } from './party.ts'
import { Inspector } from './inspector.ts'
import { FULL, LOAD_CORE, SUBJECT_CORE } from './plan.ts'
import { RESULTS } from './report.ts'
import { prepare } from './requests.ts'
import { warmUp, type Tools } from './sample.ts'
import { SluiceSite, TENANT } from './sluice.ts'
import { contentOf, WORKLOADS } from './workloads.ts'

const SECONDS = 8
const SAMPLE_EACH_US = 200

const out = process.argv.find((argument) => argument.startsWith('--out='))?.slice('--out='.length) ?? null
const say = (text: string): void => void process.stderr.write(`${text}\n`)
const folder = mkdtempSync(join(tmpdir(), 'sluice-profile-'))
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
try {
  const profile = await takeProfile()
  mkdirSync(out ?? RESULTS, { recursive: true })
  const file = join(out ?? RESULTS, 'flame-get-1k.svg')
  writeFileSync(file, flameGraph(profile, `GET 1 KiB by Sluice, warm, Node ${process.version}`))
  if (out !== null) writeFileSync(join(out, 'get-1k.cpuprofile'), JSON.stringify(profile))
  say(`written: ${file}`)
} finally {
  for (const stop of stops.reverse()) await stop()
}

async function takeProfile(): Promise<CpuProfile> {
  const upstream = await startUpstream(folder, { '1k': contentOf('1k') })
  stops.push(() => upstream.stop())
  const site = await SluiceSite.start()
  stops.push(() => site.stop())
  const subject = await site.serve('profiled', { core: SUBJECT_CORE, endpoint: `http://127.0.0.1:${upstream.port}`, inspect: true })
  stops.push(() => subject.stop())
  const common = { region: 'local', verifies: true, compiles: true, takes: () => true }
  const party: Party = { ...common, name: 'sluice', subject, credentials: await site.session() }
  const [workload] = WORKLOADS
  if (workload === undefined || subject.inspectUrl === null) throw new Error('the process cannot be looked into')
  const prepared = prepare(workload, party, { bucket: TENANT, folder, round: 'profile', newKeys: 1 })
  const tools: Tools = { folder, core: LOAD_CORE, hasWrk: false, upstream }
  say('warm-up')
  await warmUp(workload, party, { ...FULL.warmUp.first, prepared }, tools)
  say(`profile of ${SECONDS} s`)
  const inspector = await Inspector.connect(subject.inspectUrl)
  await inspector.ask('Profiler.enable')
  await inspector.ask('Profiler.setSamplingInterval', { interval: SAMPLE_EACH_US })
  await inspector.ask('Profiler.start')
  await warmUp(workload, party, { requestsMax: null, seconds: SECONDS, prepared }, tools)
  const { profile } = (await inspector.ask('Profiler.stop')) as { profile: CpuProfile }
  inspector.close()
  return profile
}
