/** What each operation costs: upstream requests / rounds in sequence, uncontended and unversioned. */
import { test } from 'tap'
import { costOf, runAlone } from './simulation/alone.ts'
import { firstWorld } from './simulation/checker.ts'
import { loadOperations } from './simulation/protocol.ts'
import { start } from './simulation/start.ts'
import type { Env, Op, Scenario, Upload } from './simulation/world.ts'

const MINE = { body: 'x', mark: 'A', tag: 'A' }
const OTHER = { ...MINE, body: 'o' }
const OWN = { k: [MINE] }
const BOTH = { k: [MINE], d: [OTHER] }
const TAGGED = { k: [{ ...MINE, ctag: 'c' }] }
const LEGACY = { k: [{ body: 'x', tag: 'A' }] }
const UPLOADS: Readonly<Record<string, Upload>> = { u: { key: 'k', mark: 'A', tag: 'A', nonce: 'u', own: 'A', body: 'x' } }
const WARM = { k: { owner: 'A', etag: 'x', mark: 'A' }, d: { owner: 'A', etag: 'o', mark: 'A' } }
const COMPLETE: Op = { op: 'complete', id: 'u', key: 'k' }

const COLUMNS = [
  { cls: 'A', mode: 'tag' },
  { cls: 'A', mode: 'metadata' },
  { cls: 'B', mode: 'tag' },
  { cls: 'B', mode: 'metadata' }
] as const

interface Row {
  readonly what: string
  readonly op: Op
  readonly init?: Scenario['init']
  readonly status?: number
  /** In the order of COLUMNS; null: the way does not exist there. */
  readonly cost: readonly (string | null)[]
}

const same = (cost: string) => [cost, cost, cost, cost]
const byMode = (tag: string, metadata: string) => [tag, metadata, tag, metadata]

const ROWS: readonly Row[] = [
  { what: 'GET', op: { op: 'get', key: 'k' }, init: OWN, cost: byMode('2/1, warm 1/1', '1/1') },
  { what: 'GET with a range', op: { op: 'get', key: 'k', first: 0 }, init: OWN, cost: byMode('2/1, warm 1/1', '1/1') },
  { what: 'HEAD', op: { op: 'head', key: 'k' }, init: OWN, cost: byMode('2/1, warm 1/1', '1/1') },
  { what: 'GET, object without mark', op: { op: 'get', key: 'k' }, init: LEGACY, cost: ['4/3', null, '4/3', null] },
  { what: '304', op: { op: 'get', key: 'k', match: 'x' }, init: OWN, status: 304, cost: byMode('2/1', '1/1') },
  { what: '304 to a HEAD', op: { op: 'head', key: 'k', match: 'x' }, init: OWN, status: 304, cost: byMode('2/1', '1/1') },
  { what: '416, looked first', op: { op: 'get', key: 'k', first: 9, lookFirst: true }, init: OWN, status: 416, cost: byMode('2/1', '1/1') },
  { what: '416, read first', op: { op: 'get', key: 'k', first: 9 }, init: OWN, status: 416, cost: byMode('4/2, warm 3/2', '2/2') },
  { what: 'small put, absent', op: { op: 'put', key: 'k', body: 'y' }, cost: same('1/1') },
  { what: 'small put, owned', op: { op: 'put', key: 'k', body: 'y' }, init: OWN, cost: byMode('4/3, warm 3/2', '3/3, warm 2/2') },
  { what: 'large put, absent', op: { op: 'putLarge', key: 'k', body: 'y' }, cost: byMode('3/2', '2/2') },
  { what: 'large put, owned', op: { op: 'putLarge', key: 'k', body: 'y' }, init: OWN, cost: byMode('3/2', '2/2') },
  { what: 'copy, destination absent', op: { op: 'copy', src: 'k', key: 'd' }, init: OWN, cost: ['5/2', '3/2', '3/2, warm 2/2', '2/2'] },
  {
    what: 'copy of a source with tags, destination absent',
    op: { op: 'copy', src: 'k', key: 'd' },
    init: TAGGED,
    cost: ['5/2', '4/3', '3/2, warm 3/3', '3/3']
  },
  {
    what: 'copy, destination owned',
    op: { op: 'copy', src: 'k', key: 'd' },
    init: BOTH,
    cost: ['5/2', '3/2', '6/4, warm 4/3', '4/4, warm 3/3']
  },
  { what: 'large copy, one part', op: { op: 'copyBig', src: 'k', key: 'd' }, init: OWN, cost: [null, null, '7/5, warm 6/5', '5/5'] },
  { what: 'copy onto itself', op: { op: 'copy', src: 'k', key: 'k' }, init: OWN, cost: ['5/2', '3/2', '3/2, warm 2/2', '2/2'] },
  { what: 'UploadPartCopy', op: { op: 'partCopy', src: 'k', key: 'd', id: 'u' }, init: OWN, cost: byMode('3/2', '2/2') },
  { what: 'CreateMultipartUpload', op: { op: 'create', key: 'k' }, init: OWN, cost: byMode('3/2', '2/2') },
  { what: 'complete, absent', op: COMPLETE, cost: byMode('3/2', '2/2') },
  { what: 'complete, owned', op: COMPLETE, init: { k: [OTHER] }, cost: byMode('3/2', '2/2') },
  { what: 'complete, already done', op: COMPLETE, init: { k: [{ ...MINE, nonce: 'u' }] }, cost: byMode('2/1', '1/1') },
  { what: 'delete, owned', op: { op: 'del', key: 'k' }, init: OWN, status: 204, cost: ['3/2', '2/2', '3/2+lease', '2/2+lease'] },
  { what: 'delete, absent', op: { op: 'del', key: 'k' }, status: 204, cost: ['2/1', '1/1', '2/1+lease', '1/1+lease'] },
  {
    what: 'DeleteObjects of two keys',
    op: { op: 'batch', keys: ['k', 'd'] },
    init: BOTH,
    status: 204,
    cost: ['5/2', '3/2', '5/2+lease', '3/2+lease']
  },
  { what: 'PutObjectTagging', op: { op: 'putTagging', key: 'k', ctag: 'c' }, init: OWN, cost: ['4/3', '3/3', '4/3+lease', '3/3+lease'] },
  { what: 'GetObjectTagging', op: { op: 'getTagging', key: 'k' }, init: OWN, cost: same('2/1') },
  { what: 'GetObjectAttributes', op: { op: 'attrs', key: 'k' }, init: OWN, cost: byMode('3/1', '2/1') }
]

const operations = await loadOperations()

function cost(row: Row, env: Env, isWarm: boolean): { cost: string; status: number | undefined } {
  const script = { me: 'A', ops: [row.op] }
  const caches = isWarm
    ? [Object.fromEntries(Object.entries(WARM).filter(([key]) => row.init?.[key as 'k'] !== undefined && row.init !== LEGACY))]
    : []
  const init = row.init ?? {}
  const uploads = row.init?.['k']?.[0]?.nonce === undefined ? UPLOADS : {}
  const world = firstWorld({ name: '', procs: [script], init, uploads, caches }, env)
  const alone = runAlone(start(operations, script, row.op, env, 'n'), { world, env, op: row.op })
  if (alone.thrown !== null) throw alone.thrown as Error
  const { outcome } = alone
  const status =
    outcome?.outcome === 'relay'
      ? outcome.seen.status
      : outcome?.outcome === 'computed'
        ? outcome.status
        : outcome?.outcome === 'batch'
          ? 204
          : undefined
  return { cost: costOf(alone), status }
}

for (const row of ROWS) {
  test(`upstream requests and rounds of ${row.what}`, (t) => {
    for (const [n, { cls, mode }] of COLUMNS.entries()) {
      const wanted = row.cost[n] ?? null
      if (wanted === null) continue
      const env: Env = { cls, mode, versioned: false }
      const cold = cost(row, env, false)
      const warm = cost(row, env, true)
      t.equal(cold.status, row.status ?? 200, `class ${cls}, ${mode}: the operation succeeds`)
      t.equal(cold.cost === warm.cost ? cold.cost : `${cold.cost}, warm ${warm.cost}`, wanted, `class ${cls}, ${mode}`)
    }
    t.end()
  })
}

test('in metadata mode an object without mark is denied after one request', (t) => {
  const row: Row = { what: '', op: { op: 'get', key: 'k' }, init: LEGACY, cost: [] }
  t.strictSame(cost(row, { cls: 'A', mode: 'metadata', versioned: false }, false), { cost: '1/1', status: undefined })
  t.end()
})
