import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldOrder } from './load-order.ts'
import type { Party } from './party.ts'
import { pinned, residentBytes } from './process.ts'
import { prepare } from './requests.ts'
import { warmUp, type Tools } from './sample.ts'
import { TENANT } from './sluice.ts'
import { WORKLOADS } from './workloads.ts'

/** What a subject holds in memory while connections are open. */
export interface MemorySample {
  readonly state: string
  readonly subject: string
  readonly connections: number
  readonly restBytes: number
  readonly heldBytes: number
  /** Some seconds after all of them were closed. */
  readonly afterBytes: number
}

const SETTLE_MS = 2_000
/** Before which the memory of a process grows by what it compiles. */
const WARM_REQUESTS = 20_000

const STATES = [
  // What ten thousand connections leave behind would count as held by the transfers.
  { state: '64 concurrent 64 MiB transfers with slow readers', object: '64m', connections: 64, slow: true },
  { state: '10,000 idle keep-alive connections', object: '1k', connections: 10_000, slow: false }
] as const

/** What freshly started subjects hold in each state; plain HTTP alone. */
export async function takeMemories(parties: readonly Party[], tools: Tools): Promise<readonly MemorySample[]> {
  const [workload] = WORKLOADS
  if (workload === undefined) throw new Error('there are no workloads')
  const taken: MemorySample[] = []
  for (const party of parties) {
    const signing = { bucket: TENANT, folder: tools.folder, round: 'memory', newKeys: 1 }
    const warm = { requestsMax: WARM_REQUESTS, seconds: 10, prepared: prepare(workload, party, signing) }
    await warmUp(workload, party, warm, tools)
    for (const { object, ...state } of STATES) {
      const { heads } = prepare({ ...workload, object }, party, signing)
      taken.push(await takeMemory(party, { ...state, head: heads[0] ?? '' }, tools))
    }
  }
  return taken
}

/** Opens connections, looks, and closes them again. */
async function takeMemory(
  { name, subject }: Party,
  { state, ...order }: Omit<HoldOrder, 'port'> & { readonly state: string },
  { folder, core }: Tools
): Promise<MemorySample> {
  const restBytes = residentBytes(subject.pid)
  const file = join(folder, 'hold.json')
  writeFileSync(file, JSON.stringify({ ...order, port: subject.port } satisfies HoldOrder))
  const [command, args] = pinned(core, [process.execPath, join(import.meta.dirname, 'hold.ts'), file])
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const said = await Promise.race([new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text)))), ended])
  if (said?.trim() !== 'ready') throw new Error(`${name}, ${state}: ${said ?? 'the connections broke'}`)
  await sleep(SETTLE_MS)
  const heldBytes = residentBytes(subject.pid)
  child.stdin.end()
  await ended
  await sleep(SETTLE_MS)
  return { state, subject: name, connections: order.connections, restBytes, heldBytes, afterBytes: residentBytes(subject.pid) }
}
