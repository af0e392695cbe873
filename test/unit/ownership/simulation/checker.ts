/** Breadth-first search over all interleavings of the processes of a scenario. The first violation has a shortest trace. */
import { answerId, newRegistry, nextNode, rootNode, type Node, type Registry } from './behaviour.ts'
import { finalProblem, perform, resultProblem } from './properties.ts'
import type { Operations } from './protocol.ts'
import { start } from './start.ts'
import {
  statusOf,
  type AnyAsk,
  type Env,
  type Op,
  type Pending,
  type Process,
  type Scenario,
  type Script,
  type Stored,
  type World
} from './world.ts'
import type { CachedOwner, Seen } from '../../../../proxy/ownership/steps.ts'

export interface Verdict {
  /** The violation, or null. */
  readonly bad: string | null
  readonly trace: readonly string[]
  readonly states: number
  readonly isCut: boolean
  readonly outcomes: ReadonlySet<string>
}

export interface Move {
  readonly world: World
  readonly label: string
  readonly bad: string | null
}

const EFFECTS: ReadonlySet<AnyAsk['ask']> = new Set([
  'put',
  'putRead',
  'copy',
  'complete',
  'delete',
  'deleteBatch',
  'putTags',
  'rawPut',
  'rawDelete',
  'transfer',
  'setOwnerTag'
])

export class Checker {
  readonly scenario: Scenario
  readonly env: Env
  readonly #operations: Operations
  readonly #registry: Registry = newRegistry()
  readonly #roots = new Map<string, Node>()

  constructor(scenario: Scenario, operations: Operations) {
    this.scenario = scenario
    this.env = { cls: 'A', mode: 'tag', versioned: false, ...scenario.env }
    this.#operations = operations
  }

  /** Tries every interleaving, up to `limit` states. */
  check(limit: number): Verdict {
    const first = firstWorld(this.scenario, this.env)
    const seen = new Map<string, { from: string; label: string } | null>([[this.#name(first), null]])
    const outcomes = new Set<string>()
    let level = [first]
    while (level.length > 0) {
      const next: World[] = []
      for (const world of level) {
        const from = this.#name(world)
        let moves = 0
        for (const move of this.moves(world)) {
          moves++
          if (move.bad !== null)
            return { bad: move.bad, trace: [...pathTo(seen, from), move.label], states: seen.size, isCut: false, outcomes }
          const name = this.#name(move.world)
          if (seen.has(name)) continue
          seen.set(name, { from, label: move.label })
          next.push(move.world)
        }
        if (moves === 0) {
          outcomes.add(world.procs.map((process) => process.results.join(',')).join(' | '))
          const bad = finalProblem(world, this.scenario)
          if (bad !== null) return { bad, trace: pathTo(seen, from), states: seen.size, isCut: false, outcomes }
        }
        if (seen.size > limit) return { bad: null, trace: [], states: seen.size, isCut: true, outcomes }
      }
      level = next
    }
    return { bad: null, trace: [], states: seen.size, isCut: false, outcomes }
  }

  /** One run in which a seeded die picks every move. */
  walk(random: () => number): Verdict {
    let world = firstWorld(this.scenario, this.env)
    const trace: string[] = []
    for (;;) {
      const moves = [...this.moves(world)]
      const move = moves[Math.floor(random() * moves.length)]
      if (move === undefined)
        return { bad: finalProblem(world, this.scenario), trace, states: trace.length, isCut: false, outcomes: new Set() }
      trace.push(move.label)
      if (move.bad !== null) return { bad: move.bad, trace, states: trace.length, isCut: false, outcomes: new Set() }
      world = move.world
    }
  }

  /** All that can happen next. */
  *moves(world: World): Generator<Move> {
    for (const [i, process] of world.procs.entries()) {
      const script = scriptOf(this.scenario, i)
      if (process.at >= script.ops.length) continue
      if (process.run) yield* this.#running(world, i)
      else yield* this.#beginning(world, i)
    }
    yield* this.#lateRequests(world)
    for (const [key, lock] of Object.entries(world.locks)) {
      // The lease outlives the longest request.
      if (!lock.by.includes('late') || world.late.some((late) => late.key === key)) continue
      const next = copyOf(world)
      for (const holder of lock.by) if (holder === 'late') unlock(next, key, { holder, lingers: false })
      yield { world: next, label: `the lease of ${key} expires`, bad: null }
    }
    if (world.ticks > 0) yield { world: { ...world, ticks: world.ticks - 1, now: world.now + 1 }, label: 'a second passes', bad: null }
  }

  *#beginning(world: World, i: number): Generator<Move> {
    const script = scriptOf(this.scenario, i)
    const process = processOf(world, i)
    const op = opOf(script, process.at)
    // Waits longer than the time from any look to its effect.
    if (op.drain && world.procs.some((other) => other.run)) return
    if (script.after !== undefined && processOf(world, script.after).at < scriptOf(this.scenario, script.after).ops.length) return
    const next = copyOf(world)
    const name = `${i}.${process.at}.${process.tries}`
    const root = this.#roots.get(name) ?? rootNode(this.#registry, () => start(this.#operations, script, op, this.env, name))
    this.#roots.set(name, root)
    setProcess(next, i, { run: true, node: root, pending: pendingOf(root) })
    yield this.#settle(next, i, `${script.me}${i} begins ${JSON.stringify(op)} at replica ${process.replica}`)
  }

  *#running(world: World, i: number): Generator<Move> {
    const process = processOf(world, i)
    const { me } = scriptOf(this.scenario, i)
    const step = process.node?.step
    if (step?.step === 'lease') {
      yield* this.#leasing(world, i)
      return
    }
    for (const [j, slot] of process.pending.entries()) {
      if (slot.seen !== null) continue
      const next = copyOf(world)
      const done = perform(next, this, { ...slot, i, op: process.at, tries: process.tries })
      if (!('status' in done.answer)) {
        setSlot(next, i, j, { snap: done.answer })
        yield { world: next, label: `${me}${i} ${show(slot)}: source read`, bad: done.bad }
        continue
      }
      setSlot(next, i, j, { seen: done.answer })
      const settled = this.#settle(next, i, `${me}${i} ${show(slot)} -> ${tell(done.answer)}`)
      yield { ...settled, bad: done.bad ?? settled.bad }
      if (EFFECTS.has(slot.ask.ask) && world.faults > 0) yield* this.#lost(world, i, j)
    }
    if (this.scenario.crashes && world.faults > 0 && process.pending.some((slot) => slot.seen === null)) yield this.#crash(world, i)
  }

  *#leasing(world: World, i: number): Generator<Move> {
    const process = processOf(world, i)
    const { node } = process
    if (node?.step?.step !== 'lease') return
    const { key, shared } = node.step
    const lock = world.locks[key]
    const isFree = lock === undefined || (lock.shared && shared)
    if (!isFree && lock.by.some((holder) => holder !== 'late')) return
    const next = copyOf(world)
    if (isFree) next.locks = { ...next.locks, [key]: { shared, by: [...(lock?.by ?? []), i] } }
    const given = isFree ? 'held' : 'lingers'
    this.#advance(next, i, { name: given, given })
    yield this.#settle(next, i, `${scriptOf(this.scenario, i).me}${i} lease of ${key}${shared ? ', shared' : ''}: ${given}`)
  }

  *#lost(world: World, i: number, j: number): Generator<Move> {
    const process = processOf(world, i)
    const slot = process.pending[j]
    if (slot === undefined) return
    const { me } = scriptOf(this.scenario, i)
    const lost = copyOf(world)
    lost.faults--
    const done = perform(lost, this, { ...slot, i, op: process.at, tries: process.tries })
    setSlot(lost, i, j, { seen: NO_ANSWER })
    const settled = this.#settle(lost, i, `${me}${i} ${show(slot)} takes effect, answer LOST`)
    yield { ...settled, bad: done.bad ?? settled.bad }
    if (!this.scenario.zombies) return
    const late = copyOf(world)
    late.faults--
    late.late = [...late.late, lateOf(slot, i, process)]
    setSlot(late, i, j, { seen: NO_ANSWER })
    yield this.#settle(late, i, `${me}${i} ${show(slot)} times out, still on its way`)
  }

  #crash(world: World, i: number): Move {
    const process = processOf(world, i)
    const next = copyOf(world)
    next.faults--
    const sent = process.pending.filter((slot) => slot.seen === null && EFFECTS.has(slot.ask.ask))
    next.late = [...next.late, ...sent.map((slot) => lateOf(slot, i, process))]
    for (const [key, lock] of Object.entries(next.locks)) if (lock.by.includes(i)) unlock(next, key, { holder: i, lingers: true })
    this.#finish(next, i, 503)
    return {
      world: next,
      label: `the replica of ${scriptOf(this.scenario, i).me}${i} dies, its request may still be on its way`,
      bad: null
    }
  }

  *#lateRequests(world: World): Generator<Move> {
    for (const [index, late] of world.late.entries()) {
      for (const arrives of [true, false]) {
        const next = copyOf(world)
        next.late = next.late.filter((_, other) => other !== index)
        let bad: string | null = null
        if (arrives) {
          const request = { ask: late.ask, part: 0, seen: null, snap: null, i: late.i, op: late.op, tries: late.tries }
          const done = perform(next, this, request)
          bad = done.bad
          if (!('status' in done.answer)) bad = perform(next, this, { ...request, snap: done.answer }).bad ?? bad
        }
        yield { world: next, label: `the late ${late.ask.ask} of ${late.i} ${arrives ? 'arrives' : 'never arrives'}`, bad }
      }
    }
  }

  /** Goes on with process i as long as it needs nobody else. */
  #settle(world: World, i: number, label: string): Move {
    for (;;) {
      const process = processOf(world, i)
      const { node } = process
      if (node === null) throw new Error('the process is not running')
      if (node.outcome !== null) {
        const script = scriptOf(this.scenario, i)
        const bad = resultProblem(world, this, { process, script, op: opOf(script, process.at), outcome: node.outcome })
        const status = statusOf(node.outcome)
        this.#finish(world, i, status)
        return { world, label: `${label}; answers ${status}`, bad }
      }
      const step = node.step
      if (step === null) throw new Error('a node has a step or an outcome')
      if (step.step === 'lease') return { world, label, bad: null }
      if (step.step === 'ask') {
        if (process.pending.some((slot) => slot.seen === null)) return { world, label, bad: null }
        const answers = assemble(step.asks, process.pending)
        this.#advance(world, i, { name: answers.map((seen) => answerId(this.#registry, seen)).join(), given: answers })
        continue
      }
      const given = local(world, process, i, step)
      this.#advance(world, i, { name: JSON.stringify(given) ?? '', given })
    }
  }

  #advance(world: World, i: number, answer: { name: string; given: unknown }): void {
    const { node } = processOf(world, i)
    if (node === null) throw new Error('the process is not running')
    const next = nextNode(this.#registry, node, answer.name, answer.given)
    setProcess(world, i, { node: next, pending: pendingOf(next) })
  }

  #finish(world: World, i: number, status: number): void {
    const process = processOf(world, i)
    const idle = { run: false, node: null, pending: [] }
    // An SDK asks again after 503, at another replica.
    if (status === 503 && process.tries < (this.scenario.retries ?? 1)) {
      setProcess(world, i, { ...idle, tries: process.tries + 1, replica: (process.replica + 1) % 2 })
    } else setProcess(world, i, { ...idle, results: [...process.results, status], at: process.at + 1, tries: 0, stored: false })
  }

  #name(world: World): string {
    const id = (seen: Seen | null) => (seen === null ? null : answerId(this.#registry, seen))
    const procs = world.procs.map((one) => [
      one.at,
      one.tries,
      one.replica,
      one.node?.id,
      one.pending.map((slot) => [id(slot.seen), slot.snap?.gen, slot.snap?.tag]),
      one.stored,
      one.results
    ])
    const late = world.late.map((one) => [one.ask.ask, one.i, one.op, one.tries, one.key])
    return JSON.stringify([
      world.now,
      world.ticks,
      world.faults,
      world.store,
      world.uploads,
      world.locks,
      world.caches,
      late,
      world.known,
      world.owners,
      procs
    ])
  }
}

const NO_ANSWER: Seen = { status: 0, reply: null }

/** One request for each ask, and for each key of a DeleteObjects. */
function pendingOf(node: Node): Pending[] {
  const { step } = node
  if (step?.step !== 'ask') return []
  return step.asks.flatMap((ask) => {
    const parts = ask.ask === 'deleteBatch' ? ask.items.length : 1
    return Array.from({ length: parts }, (_, part): Pending => ({ ask, part, seen: null, snap: null }))
  })
}

function assemble(asks: readonly AnyAsk[], pending: readonly Pending[]): Seen[] {
  let from = 0
  return asks.map((ask) => {
    const parts = pending.slice(from, (from += ask.ask === 'deleteBatch' ? ask.items.length : 1)).map((slot) => slot.seen ?? NO_ANSWER)
    if (ask.ask !== 'deleteBatch') return parts[0] ?? NO_ANSWER
    return parts.some((seen) => seen.status === 0)
      ? NO_ANSWER
      : { status: 200, items: parts.map(({ reply: _reply, ...item }) => item), reply: null }
  })
}

function local(world: World, process: Process, i: number, step: Exclude<Node['step'], null>): unknown {
  switch (step.step) {
    case 'cacheGet':
      return world.caches[process.replica]?.[step.at.key] ?? null
    case 'cacheSet':
      world.caches = world.caches.map((cache, replica) => (replica === process.replica ? withEntry(cache, step.at.key, step.value) : cache))
      return undefined
    case 'release':
      unlock(world, step.key, { holder: i, lingers: step.unknown })
      return undefined
    case 'leaseLeft':
      return 1e6
    case 'discard':
      return undefined
    default:
      throw new Error(`${step.step} is not local`)
  }
}

function withEntry(cache: Readonly<Record<string, CachedOwner>>, key: string, value: CachedOwner | null): Record<string, CachedOwner> {
  const { [key]: _old, ...rest } = cache
  return value === null ? rest : { ...rest, [key]: value }
}

function unlock(world: World, key: string, by: { holder: number | 'late'; lingers: boolean }): void {
  const lock = world.locks[key]
  if (lock === undefined) return
  const { [key]: _old, ...rest } = world.locks
  const left = lock.by.flatMap((holder) => (holder !== by.holder ? [holder] : by.lingers ? ['late' as const] : []))
  world.locks = left.length === 0 ? rest : { ...rest, [key]: { ...lock, by: left } }
}

function lateOf(slot: Pending, i: number, process: Process): World['late'][number] {
  const { ask, part } = slot
  // A single key of a DeleteObjects goes its own way.
  const single: AnyAsk = ask.ask === 'deleteBatch' ? { ...ask, items: ask.items.slice(part, part + 1) } : ask
  const key = 'key' in ask ? ask.key : ask.ask === 'deleteBatch' ? (ask.items[part]?.at.key ?? '') : ask.at.key
  return { ask: single, i, op: process.at, tries: process.tries, key }
}

export function scriptOf(scenario: Scenario, i: number): Script {
  const script = scenario.procs[i]
  if (script === undefined) throw new Error('no such process')
  return script
}

export function opOf(script: Script, at: number): Op {
  const op = script.ops[at]
  if (op === undefined) throw new Error('no such operation')
  return op
}

function processOf(world: World, i: number): Process {
  const process = world.procs[i]
  if (process === undefined) throw new Error('no such process')
  return process
}

function setProcess(world: World, i: number, more: Partial<Process>): void {
  world.procs = world.procs.map((process, other) => (other === i ? { ...process, ...more } : process))
}

function setSlot(world: World, i: number, j: number, more: { seen?: Seen; snap?: Stored }): void {
  const pending = processOf(world, i).pending.map((slot, other) => (other === j ? { ...slot, ...more } : slot))
  setProcess(world, i, { pending })
}

function copyOf(world: World): World {
  return { ...world }
}

/** The world before anything has happened. */
export function firstWorld(scenario: Scenario, env: Env): World {
  const filled = (list: readonly Partial<Stored>[]): Stored[] =>
    list.map((one, n) => ({
      lm: 0,
      gen: `i${n}`,
      body: '',
      etag: one.body ?? '',
      own: one.mark ?? one.tag ?? null,
      ...(env.versioned && { vid: `i${n}` }),
      ...one
    }))
  const store: Record<string, Stored[]> = { k: [], d: [], e: [] }
  for (const [key, list] of Object.entries(scenario.init ?? {})) store[key] = filled(list)
  const all = Object.values(store).flat()
  const known: Record<string, string[]> = {}
  for (const one of all) if (one.own !== null) (known[one.own] ??= []).push(one.body)
  const process = { at: 0, tries: 0, run: false, node: null, pending: [], stored: false, results: [] }
  return {
    now: 0,
    ticks: scenario.ticks ?? 0,
    faults: scenario.faults ?? 0,
    store,
    uploads: scenario.uploads ?? {},
    locks: {},
    caches: [0, 1, 2, 3].map((n) => scenario.caches?.[n] ?? {}),
    late: [],
    known,
    owners: [...new Set(all.filter((one) => !one.marker).map((one) => one.own))],
    procs: scenario.procs.map((script, n) => ({ ...process, replica: script.replica ?? n }))
  }
}

function pathTo(seen: ReadonlyMap<string, { from: string; label: string } | null>, name: string): string[] {
  const labels: string[] = []
  for (let at = seen.get(name); at; at = seen.get(at.from)) labels.unshift(at.label)
  return labels
}

function show(slot: Pending): string {
  const { ask } = slot
  const parts = JSON.stringify(ask, (name, value: unknown) => {
    if (name === 'source' || name === 'from' || name === 'reply') return undefined
    return value instanceof Map ? Object.fromEntries(value as Map<string, string>) : value
  })
  return parts
}

function tell(seen: Seen): string {
  return [
    String(seen.status),
    seen.etag && `etag=${seen.etag}`,
    seen.mark && `mark=${seen.mark}`,
    seen.tags && `service=${seen.tags.get('service') ?? '-'}`
  ]
    .filter(Boolean)
    .join(' ')
}
