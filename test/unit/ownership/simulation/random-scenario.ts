/** Scenarios made up by seed. */
import type { Env, Op, Scenario, Stored, Upload } from './world.ts'

export interface RandomScenario extends Scenario {
  /** Violations that no protocol can close in this scenario. */
  readonly windows: readonly string[]
}

/** A small generator of numbers from 0 to 1 (mulberry32), the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = (seed * 0x9e3779b9) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const put = (body: string): Op => ({ op: 'put', key: 'k', body })
const DELETE: Op = { op: 'del', key: 'k' }
const RETAG: Op = { op: 'putTagging', key: 'k', ctag: 'c' }

const ASKS: readonly Op[] = [
  { op: 'get', key: 'k' },
  { op: 'get', key: 'k', match: 'y' },
  { op: 'get', key: 'k', first: 1 },
  { op: 'head', key: 'k' },
  { op: 'attrs', key: 'k' },
  { op: 'getTagging', key: 'k' },
  put('z'),
  { ...put('z'), cinm: true },
  { ...put('z'), cim: 'x' },
  { op: 'putLarge', key: 'k', body: 'z' },
  { op: 'copy', src: 'k', key: 'd' },
  { op: 'copy', src: 'e', key: 'k' },
  { op: 'copy', src: 'k', key: 'k' },
  { op: 'copyBig', src: 'k', key: 'd' },
  { op: 'copyBig', src: 'e', key: 'k' },
  { op: 'copyAway', src: 'e', key: 'k' },
  { op: 'copyAwayBig', src: 'k', key: 'd' },
  { op: 'partCopy', src: 'k', key: 'd', id: 'u' },
  { op: 'complete', id: 'u', key: 'k' },
  DELETE,
  { op: 'batch', keys: ['k', 'd'] },
  RETAG
]
/** Only a delete makes room for another owner, so that most of what A does besides is deleting. */
const SECONDS: readonly (readonly Op[])[] = [
  [DELETE],
  [DELETE],
  [DELETE, put('x')],
  [DELETE, put('x')],
  [{ op: 'batch', keys: ['d', 'k'] }],
  [put('w'), RETAG],
  [{ op: 'complete', id: 'u', key: 'k' }, DELETE]
]
const OTHERS = (body: string): readonly (readonly Op[])[] => [
  [put(body)],
  [put(body)],
  [put(body), DELETE],
  [{ ...put(body), ctag: 'b' }],
  [{ op: 'complete', id: 'v', key: 'k' }],
  [put(body), RETAG],
  [{ op: 'copy', src: 'f', key: 'k' }]
]
const OWN: readonly Partial<Stored>[] = [{ body: 'x', mark: 'A', tag: 'A', ctag: 'a' }]
const FIRST: readonly (readonly Partial<Stored>[])[] = [OWN, OWN, OWN, [{ body: 'x', mark: 'B', tag: 'B' }], []]
const UNMARKED: readonly Partial<Stored>[] = [{ body: 'x', tag: 'A' }]

/** The scenario of the seed. */
export function randomScenario(seed: number): RandomScenario {
  const random = randomOf(seed)
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[Math.floor(random() * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }
  const mode = pick(['tag', 'metadata'] as const)
  const env: Env = {
    cls: pick(['A', 'B'] as const),
    mode,
    versioned: random() < 0.3,
    uniqueEtags: random() < 0.1,
    ignoresSource: random() < 0.2,
    leases: random() < 0.2 ? 'always' : 'class',
    completeAgain: random() < 0.3,
    killsUpload: random() < 0.3
  }
  const isEqual = random() < 0.2
  const bodyOfB = isEqual ? 'x' : 'y'
  const procs = [
    { me: 'A', ops: [pick(ASKS)] },
    { me: 'A', ops: pick(SECONDS) },
    { me: 'B', ops: pick(OTHERS(bodyOfB)) }
  ]
  const faults = random() < 0.25 ? 1 : 0
  const upload = (own: string, body: string): Upload => ({ key: 'k', mark: own, tag: own, nonce: own === 'A' ? 'u' : 'v', own, body })
  return {
    name: `seed ${seed}`,
    env,
    procs,
    // In metadata mode an object without mark is nobody's, by the rule of the mode.
    init: {
      k: pick(mode === 'metadata' ? FIRST : [...FIRST, UNMARKED]),
      e: [{ body: 's', mark: 'A', tag: 'A' }],
      f: [{ body: bodyOfB, mark: 'B', tag: 'B' }]
    },
    uploads: { u: upload('A', 'z'), v: upload('B', 'y') },
    faults,
    zombies: faults > 0 && random() < 0.6,
    crashes: faults > 0 && random() < 0.6,
    // Only B writes this tag.
    expect: (world) =>
      Object.values(world.store).some((stack) => stack.some((one) => one.own === 'A' && one.ctag === 'b'))
        ? 'S1: an object of A has tags of B'
        : null,
    windows: windowsOf(
      env,
      isEqual,
      procs.flatMap(({ ops }) => ops)
    )
  }
}

function windowsOf(env: Env, isEqual: boolean, ops: readonly Op[]): string[] {
  const windows: string[] = []
  // W1: an ETag is the content. With a lease on deletes it is left to writes alone.
  if (isEqual && !env.uniqueEtags)
    windows.push('overwrites an object', ...(env.cls === 'A' && env.leases !== 'always' ? ['deletes an object'] : []))
  // W2: tagging takes no condition. The repair that follows may race as well, and then tag and mark differ.
  if (ops.some(({ op }) => op === 'putTagging') && env.cls === 'A' && !env.versioned && env.leases !== 'always')
    windows.push('retags an object', 'S3')
  return windows
}
