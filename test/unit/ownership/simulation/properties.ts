/**
 * What must hold. S1: nothing of another's object is released. S2: nobody overwrites, deletes or retags another's object.
 * S3: tag and mark agree at the end. S4: an acknowledged write was stored, and is lost only to its own owner.
 * L1: no deadlock, no AccessDenied where nobody else ever owned, lost answers end well.
 */
import type { Outcome, Seen } from '../../../../proxy/ownership/steps.ts'
import { opOf, scriptOf, type Checker } from './checker.ts'
import { current, serve, type Effect, type Ghost, type Who } from './upstream.ts'
import { statusOf, type Op, type Pending, type Process, type Scenario, type Script, type Stored, type World } from './world.ts'

const WRITES = new Set(['put', 'putLarge', 'copy', 'copyBig', 'copyAway', 'copyAwayBig', 'complete'])

/** One request on the world, and the properties of its effects. */
export function perform(
  world: World,
  checker: Checker,
  request: Pending & { i: number; op: number; tries: number }
): { answer: Seen | Stored; bad: string | null } {
  const { scenario, env } = checker
  const script = scriptOf(scenario, request.i)
  const out: Effect[] = []
  const who: Who = { me: script.me, gen: `${request.i}.${request.op}.${request.tries}`, op: opOf(script, request.op) }
  const answer = serve(world, request, env, who, out)
  let bad: string | null = null
  for (const effect of out) {
    bad ??= effectProblem(world, effect, { script, scenario, who, repair: isRepair(request) })
    if (effect.kind === 'write') noteWrite(world, effect, request)
    if (effect.kind === 'retag' && request.ask.ask === 'setOwnerTag') noteOwner(world, request.ask.to)
  }
  return { answer, bad: bad !== null && scenario.ignore?.includes(bad.slice(0, 2)) ? null : bad }
}

function isRepair(request: Pending): boolean {
  return request.ask.ask === 'putTags' && request.ask.tags.size === 1
}

function noteOwner(world: World, owner: string | null): void {
  if (!world.owners.includes(owner)) world.owners = [...world.owners, owner].sort()
}

function noteWrite(world: World, effect: Effect, request: { i: number; op: number }): void {
  const { made } = effect
  if (made === undefined) return
  world.procs = world.procs.map((process, i) => (i === request.i && process.at === request.op ? { ...process, stored: true } : process))
  noteOwner(world, made.own)
  const own = made.own ?? '~'
  const known = world.known[own] ?? []
  if (!known.includes(made.body)) world.known = { ...world.known, [own]: [...known, made.body] }
}

function effectProblem(world: World, effect: Effect, by: { script: Script; scenario: Scenario; who: Who; repair: boolean }): string | null {
  const { script, scenario, who } = by
  const { on, kind } = effect
  const isMine = on === undefined || on.own === script.me || script.raw || (scenario.nobody && on.own === '~')
  const theirs = on?.own ?? 'nobody'
  switch (kind) {
    case 'write': {
      if (!isMine) return `S2: ${script.me} overwrites an object of ${theirs}`
      const isOnto = who.op?.src !== undefined && who.op.src === who.op.key
      // The same bytes again lose nothing.
      if (isOnto && on !== undefined && on.gen !== effect.from && on.body !== effect.made?.body)
        return `S4: the copy of ${script.me} onto itself replaces a newer acknowledged write`
      return null
    }
    case 'delete':
      return isMine ? null : `S2: ${script.me} deletes an object of ${theirs}`
    case 'retag':
      return isMine || by.repair ? null : `S2: ${script.me} retags an object of ${theirs}`
    case 'copyFrom':
      return isMine || (world.known[script.me] ?? []).includes(on.body) ? null : `S1: ${script.me} copies bytes of ${theirs}`
    case 'uncover':
      return null
    default:
      return kind satisfies never
  }
}

/** What leaves with the outcome must be the caller's, and an acknowledged write must have been stored. */
export function resultProblem(
  world: World,
  checker: Checker,
  done: { process: Process; script: Script; op: Op; outcome: Outcome }
): string | null {
  const { script, op, outcome, process } = done
  return releasedProblem(world, checker.scenario, done) ?? ackProblem(world, { op, status: statusOf(outcome), script, process })
}

function releasedProblem(world: World, scenario: Scenario, done: { script: Script; op: Op; outcome: Outcome }): string | null {
  const { script, op, outcome } = done
  const seen = outcome.outcome === 'relay' ? outcome.seen : outcome.outcome === 'computed' ? outcome.proof?.head : undefined
  const ghost = (seen?.reply ?? null) as Ghost | null
  if (ghost === null || typeof ghost !== 'object' || !('gen' in ghost)) return null
  if (script.admits === 'open') return ghost.body === 'secret' ? `S1: ${script.me} is given bytes that policy keeps from it` : null
  const now = Object.values(world.store)
    .flat()
    .find((one) => one.gen === ghost.gen)
  if (ghost.own === script.me || now?.own === script.me || script.admits === 'all') return null
  const isStatus = outcome.outcome === 'computed' || op.op === 'getTagging' || op.op === 'head'
  // Bytes that it wrote itself tell it nothing.
  if (!isStatus && !scenario.strict && (world.known[script.me] ?? []).includes(ghost.body)) return null
  return `S1: ${script.me} is given ${isStatus ? 'the status' : 'bytes'} of an object of ${ghost.own ?? 'nobody'}`
}

function ackProblem(world: World, done: { op: Op; status: number; script: Script; process: Process }): string | null {
  const { op, status, script, process } = done
  const isAlone = !world.owners.some((owner) => owner !== script.me)
  if (status === 403 && isAlone) return `L1: ${op.op} answers AccessDenied although no other owner was ever there`
  if (!WRITES.has(op.op)) return null
  const isDoneBefore = op.op === 'complete' && world.uploads[op.id ?? '']?.done !== undefined
  if (status === 200 && !process.stored && !isDoneBefore) return `S4: ${op.op} acknowledged, but nothing of it was ever stored`
  const hasCondition = op.cinm === true || op.cim !== undefined
  if (!hasCondition && (status === 412 || (status === 404 && op.op.startsWith('put'))))
    return `L1: ${op.op} without a client condition answers ${status}`
  return null
}

/** What must hold once nothing can happen any more. */
export function finalProblem(world: World, scenario: Scenario): string | null {
  if (world.procs.some((process, i) => process.at < scriptOf(scenario, i).ops.length)) return 'L1: deadlock'
  for (const key of Object.keys(world.store)) {
    const one = current(world, key)
    if (one === undefined) continue
    if (one.mark !== undefined && one.tag !== undefined && one.mark !== one.tag)
      return `S3: ${key} ends with mark=${one.mark} tag=${one.tag}`
    if (one.mark !== undefined && one.mark !== one.own) return `S3: ${key} ends with mark=${one.mark}, written by ${one.own}`
  }
  return scenario.expect?.(world) ?? null
}
