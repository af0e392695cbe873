/** Every step of every operation goes wrong once: no outage becomes a denial, and what was taken is given back. */
import { test } from 'tap'
import { isUnknown } from '../../../proxy/ownership/answers.ts'
import { Abandoned } from '../../../proxy/ownership/clean-up.ts'
import type { Outcome, Seen, Step } from '../../../proxy/ownership/steps.ts'
import { DriverFault, runAlone, type Alone, type Fault } from './simulation/alone.ts'
import { balanceProblem } from './simulation/balance.ts'
import { firstWorld } from './simulation/checker.ts'
import { loadOperations } from './simulation/protocol.ts'
import { start } from './simulation/start.ts'
import type { Env, Op, Scenario, Script } from './simulation/world.ts'

const operations = await loadOperations()
const EFFECTS = new Set(['put', 'putRead', 'copy', 'complete', 'delete', 'deleteBatch', 'putTags'])

interface Case {
  readonly what: string
  readonly op: Op
  readonly init?: Scenario['init']
  readonly script?: Partial<Script>
  readonly env?: Partial<Env>
}

const MINE = { body: 'x', mark: 'A', tag: 'A', ctag: 'c' }
const OWN = { k: [MINE], d: [{ ...MINE, body: 'o' }] }
const LEGACY = { k: [{ body: 'x', tag: 'A' }] }
const BOTH_CLASSES: readonly Case[] = [
  { what: 'GetObject', op: { op: 'get', key: 'k' }, init: OWN },
  { what: 'GetObject of an object without mark', op: { op: 'get', key: 'k' }, init: LEGACY, env: { mode: 'tag' } },
  { what: 'GetObject answered 304', op: { op: 'get', key: 'k', match: 'x' }, init: OWN },
  { what: 'GetObject answered 416', op: { op: 'get', key: 'k', first: 9 }, init: OWN },
  { what: 'GetObject under a policy that reads tags', op: { op: 'get', key: 'k' }, init: OWN, script: { admits: 'open' } },
  { what: 'HeadObject', op: { op: 'head', key: 'k' }, init: OWN },
  { what: 'GetObjectAttributes', op: { op: 'attrs', key: 'k' }, init: OWN },
  { what: 'GetObjectTagging', op: { op: 'getTagging', key: 'k' }, init: OWN },
  { what: 'a small put', op: { op: 'put', key: 'k', body: 'y' }, init: OWN },
  { what: 'a large put', op: { op: 'putLarge', key: 'k', body: 'y' }, init: OWN },
  {
    what: "a put over another's object",
    op: { op: 'put', key: 'k', body: 'y' },
    init: { k: [{ body: 'x', mark: 'B', tag: 'B' }] },
    script: { admits: 'all' }
  },
  { what: 'a copy', op: { op: 'copy', src: 'k', key: 'd' }, init: OWN },
  { what: 'a copy onto itself', op: { op: 'copy', src: 'k', key: 'k' }, init: OWN },
  { what: 'a large copy', op: { op: 'copyBig', src: 'k', key: 'd' }, init: OWN },
  { what: 'a copy to another account', op: { op: 'copyAwayBig', src: 'k', key: 'd' }, init: OWN },
  {
    what: 'a large copy where the source condition is ignored',
    op: { op: 'copyBig', src: 'k', key: 'k' },
    init: OWN,
    env: { ignoresSource: true }
  },
  { what: 'UploadPartCopy', op: { op: 'partCopy', src: 'k', key: 'd', id: 'u' }, init: OWN },
  {
    what: 'UploadPartCopy where the source condition is ignored',
    op: { op: 'partCopy', src: 'k', key: 'd', id: 'u' },
    init: OWN,
    env: { ignoresSource: true }
  },
  { what: 'CreateMultipartUpload', op: { op: 'create', key: 'k' }, init: OWN },
  { what: 'CompleteMultipartUpload', op: { op: 'complete', key: 'k', id: 'u' }, init: OWN },
  { what: 'DeleteObject', op: { op: 'del', key: 'k' }, init: OWN },
  {
    what: 'DeleteObject of a delete marker',
    op: { op: 'del', key: 'k', vid: 'i1' },
    init: { k: [MINE, { marker: true, own: 'A' }] },
    env: { versioned: true }
  },
  { what: 'DeleteObjects', op: { op: 'batch', keys: ['k', 'd', 'k', 'e'] }, init: OWN },
  { what: 'PutObjectTagging', op: { op: 'putTagging', key: 'k', ctag: 'n' }, init: OWN }
]

function runOf(one: Case, env: Env) {
  const script: Script = { me: 'A', ops: [one.op], ...one.script }
  const uploads = { u: { key: one.op.key ?? '', mark: 'A', tag: 'A', nonce: 'u', own: 'A', body: 'x' } }
  const world = firstWorld({ name: '', procs: [script], init: one.init ?? {}, uploads }, env)
  return (fault?: Parameters<typeof runAlone>[2]) =>
    runAlone(start(operations, script, one.op, env, 'n'), { world, env, op: one.op }, fault)
}

function codesOf(outcome: Outcome | null): readonly string[] {
  if (outcome?.outcome === 'refuse') return [outcome.code]
  return outcome?.outcome === 'batch' ? outcome.items.map((item) => item.code) : []
}

/** Whether the leases were left to expire exactly for keys whose effect has an unknown outcome. */
function leaseProblem(alone: Alone): string | null {
  const unknown = new Set<string>()
  for (const { step, given } of alone.trace) {
    if (step.step !== 'ask') continue
    for (const [n, ask] of step.asks.entries()) {
      if (!EFFECTS.has(ask.ask)) continue
      const seen = (given as Seen[] | undefined)?.[n]
      const keys = ask.ask === 'deleteBatch' ? ask.items.map((item) => item.at.key) : 'at' in ask ? [ask.at.key] : []
      for (const key of keys) {
        if (seen === undefined || isUnknown(seen)) unknown.add(key)
        else unknown.delete(key)
      }
    }
  }
  for (const { step } of alone.trace) {
    if (step.step === 'release' && step.unknown !== unknown.has(step.key))
      return `the lease of ${step.key} ${step.unknown ? 'is left to expire' : 'is free'} although the outcome is ${step.unknown ? 'known' : 'unknown'}`
  }
  return null
}

const OUTAGES: readonly { name: string; seen: Seen }[] = [
  { name: 'no answer', seen: { status: 0, reply: null } },
  { name: '500', seen: { status: 500, code: 'InternalError', reply: null } },
  { name: '503', seen: { status: 503, code: 'SlowDown', reply: null } },
  { name: '403', seen: { status: 403, code: 'AccessDenied', reply: null } }
]

function placesOf(alone: Alone): { step: Step; at: { step: number; ask: number } }[] {
  return alone.trace.flatMap(({ step }, n): { step: Step; at: { step: number; ask: number } }[] =>
    step.step === 'ask' ? step.asks.map((_, ask) => ({ step, at: { step: n, ask } })) : [{ step, at: { step: n, ask: 0 } }]
  )
}

for (const cls of ['A', 'B', 'C', 'D'] as const) {
  for (const mode of ['tag', 'metadata'] as const) {
    for (const one of BOTH_CLASSES) {
      const env: Env = { cls, mode, versioned: false, ...one.env }
      if (one.env?.mode !== undefined && one.env.mode !== mode) continue
      test(`whatever step of ${one.what} goes wrong, class ${cls}, ${mode} mode, it ends well`, (t) => {
        const run = runOf(one, env)
        const plain = run()
        t.equal(balanceProblem(plain.trace, plain.outcome), null, 'nothing is left over when nothing goes wrong')
        t.notMatch(codesOf(plain.outcome).join(), /Denied|SlowDown|Unavailable/, 'it succeeds when nothing goes wrong')
        const problems: string[] = []
        for (const { step, at } of placesOf(plain)) {
          const name = step.step === 'ask' ? (step.asks[at.ask]?.ask ?? '') : step.step
          const check = (kind: string, fault: Fault, more: (alone: Alone) => string | null) => {
            const alone = run({ at, fault })
            const problem = balanceProblem(alone.trace, alone.outcome) ?? leaseProblem(alone) ?? more(alone)
            if (problem !== null) problems.push(`${kind} at ${name}, step ${at.step}: ${problem}`)
          }
          if (step.step === 'ask') {
            for (const { name: kind, seen } of OUTAGES) {
              check(kind, { kind: 'answer', seen }, (alone) => {
                if (alone.thrown !== null) return `throws ${String(alone.thrown)}`
                const codes = codesOf(alone.outcome)
                if (codes.includes('AccessDenied')) return seen.status === 403 && alone.outcome?.outcome === 'batch' ? null : 'AccessDenied'
                // A 403 to a read is looked at, and the read then sent again.
                const isHarmless = name === 'abort' || name === 'tags' || (name === 'read' && seen.status === 403)
                return codes.length > 0 || isHarmless ? null : 'it succeeds'
              })
            }
          }
          if (step.step === 'lease') {
            check('unavailable', { kind: 'given', value: 'unavailable' }, (alone) =>
              codesOf(alone.outcome).join() === 'ServiceUnavailable' ? null : codesOf(alone.outcome).join()
            )
            check('lingers', { kind: 'given', value: 'lingers' }, (alone) =>
              step.key === 'e' || codesOf(alone.outcome).includes('SlowDown') ? null : codesOf(alone.outcome).join()
            )
          }
          if (step.step === 'leaseLeft') {
            check('nearly over', { kind: 'given', value: 999 }, (alone) => {
              const sent = alone.trace
                .slice(at.step)
                .some((traced) => traced.step.step === 'ask' && traced.step.asks.some((ask) => EFFECTS.has(ask.ask)))
              return sent || !codesOf(alone.outcome).includes('SlowDown') ? 'the effect is sent' : null
            })
          }
          if (step.step !== 'release' && step.step !== 'discard') {
            check('throw', { kind: 'throw' }, (alone) => (alone.thrown instanceof DriverFault ? null : 'the fault is swallowed'))
            check('return', { kind: 'return' }, (alone) =>
              alone.thrown === null || alone.thrown instanceof Abandoned ? null : String(alone.thrown)
            )
          }
        }
        t.strictSame(problems, [])
        t.end()
      })
    }
  }
}
