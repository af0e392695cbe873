import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldOrder } from './load-order.ts'
import { pinned, residentBytes, type Subject } from './process.ts'

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

/** Opens connections, looks, and closes them again. */
export async function takeMemory(
  subject: Subject,
  { state, ...order }: Omit<HoldOrder, 'port'> & { readonly state: string },
  { folder, core }: { readonly folder: string; readonly core: number }
): Promise<MemorySample> {
  const restBytes = residentBytes(subject.pid)
  const file = join(folder, 'hold.json')
  writeFileSync(file, JSON.stringify({ ...order, port: subject.port } satisfies HoldOrder))
  const [command, args] = pinned(core, [process.execPath, join(import.meta.dirname, 'hold.ts'), file])
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const said = await Promise.race([new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text)))), ended])
  if (said?.trim() !== 'ready') throw new Error(`${subject.name}, ${state}: ${said ?? 'the connections broke'}`)
  await sleep(SETTLE_MS)
  const heldBytes = residentBytes(subject.pid)
  child.stdin.end()
  await ended
  await sleep(SETTLE_MS)
  return { state, subject: subject.name, connections: order.connections, restBytes, heldBytes, afterBytes: residentBytes(subject.pid) }
}
