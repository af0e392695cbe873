/** What runs together. A and B are two services of one tenant, OP is the operator; every scenario is tried in all interleavings. */
import type { Op, Scenario, Script, Stored, Upload, World } from './world.ts'

type Init = Partial<Stored>
const by = (me: string, body: string, more: Init = {}): Init => ({ body, mark: me, tag: me, ...more })
/** From before: a tag, no mark. */
const old = (me: string, body: string): Init => ({ body, tag: me, own: me })
const A = (...ops: Op[]): Script => ({ me: 'A', ops })
const B = (...ops: Op[]): Script => ({ me: 'B', ops })
const OP = (...ops: Op[]): Script => ({ me: 'OP', raw: true, ops })
const RAW = (me: string, ...ops: Op[]): Script => ({ me, raw: true, ops })
const put = (key: string, body: string): Op => ({ op: 'put', key, body })
const putLarge = (key: string, body: string): Op => ({ op: 'putLarge', key, body })
const del = (key: string): Op => ({ op: 'del', key })
const get = (key: string): Op => ({ op: 'get', key })
const copy = (src: string, key: string, op = 'copy'): Op => ({ op, src, key })
const complete: Op = { op: 'complete', id: 'u', key: 'k' }
const retag: Op = { op: 'putTagging', key: 'k', ctag: 'c' }
const OWN = { k: [by('A', 'x')] }
const LEGACY = { k: [old('A', 'x')] }
const WARM = [{ k: { owner: 'A', etag: 'x', mark: 'A' } }]
const UPLOAD: Upload = { key: 'k', mark: 'A', tag: 'A', nonce: 'u', own: 'A', body: 'x' }
const B_CLASS = { cls: 'B' } as const

const all =
  (...want: (string | undefined)[]) =>
  (world: World) =>
    world.procs.some((process, i) => want[i] !== undefined && String(process.results) !== want[i])
      ? `L1: results ${world.procs.map((process) => process.results.join(',')).join(' | ')} instead of ${want.join(' | ')}`
      : null

const READS: Scenario[] = [
  { name: 'read, cold, against a hand-over', procs: [A(get('k')), A(del('k')), B(put('k', 'y'), del('k'))], init: OWN },
  { name: 'read, same bytes at the hand-over', procs: [A(get('k')), A(del('k'), put('k', 'x')), B(put('k', 'x'), del('k'))], init: OWN },
  { name: 'read, warm cache, hand-over', procs: [A(get('k'), get('k')), A(del('k')), B(put('k', 'x'))], init: OWN, caches: WARM },
  {
    name: 'head, warm cache, hand-over',
    procs: [A({ op: 'head', key: 'k' }, { op: 'head', key: 'k' }), A(del('k')), B(put('k', 'x'))],
    init: OWN,
    caches: WARM
  },
  {
    name: 'read, metadata mode',
    env: { mode: 'metadata' },
    procs: [A(get('k')), A(del('k'), put('k', 'x')), B(put('k', 'y'), del('k'))],
    init: OWN
  },
  { name: 'read, versioned', env: { versioned: true }, procs: [A(get('k')), A(del('k')), B(put('k', 'y'), del('k'))], init: OWN },
  {
    name: 'read of an object without mark, outside writers',
    procs: [A(get('k')), RAW('B', { op: 'rawPut', key: 'k', body: 'y' }), RAW('A', { op: 'rawPut', key: 'k', body: 'z' })],
    init: LEGACY
  },
  { name: 'read against own deletes and puts', procs: [A(get('k')), A(del('k'), put('k', 'z'), del('k'), put('k', 'x'))], init: OWN },
  { name: 'GetObjectAttributes', procs: [A({ op: 'attrs', key: 'k' }), A(del('k'), put('k', 'x')), B(put('k', 'y'), del('k'))], init: OWN },
  {
    name: 'warm cache, the operator transfers',
    procs: [A(get('k'), get('k')), OP({ op: 'transfer', key: 'k', to: 'B' })],
    init: OWN,
    caches: WARM,
    strict: true
  },
  {
    name: 'an object without mark is given to B, then read warm',
    procs: [A(get('k'), get('k')), OP({ op: 'setOwnerTag', key: 'k', to: 'B' }), B(putLarge('k', 'y'))],
    init: LEGACY
  },
  {
    name: 'the verdict on an object without mark is not kept',
    procs: [A(get('k'), get('k')), OP({ op: 'setOwnerTag', key: 'k', to: 'B' })],
    init: LEGACY,
    strict: true
  },
  {
    name: '304 to a conditional GET',
    retries: 0,
    procs: [A({ op: 'get', key: 'k', match: 'y' }), A(del('k'), put('k', 'x')), B(put('k', 'y'), del('k'))],
    init: OWN
  },
  {
    name: '304 to a conditional HEAD',
    retries: 0,
    procs: [A({ op: 'head', key: 'k', match: 'y' }), A(del('k'), put('k', 'x')), B(put('k', 'y'), del('k'))],
    init: OWN
  },
  {
    name: '416 to a GET with a range',
    retries: 0,
    procs: [A({ op: 'get', key: 'k', first: 1 }), A(del('k'), put('k', 'xx')), B(put('k', 'y'), del('k'))],
    init: { k: [by('A', 'xx')] }
  },
  {
    name: 'tags and attributes, tag mode',
    procs: [A({ op: 'getTagging', key: 'k' }, { op: 'attrs', key: 'k' }), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'tags and attributes of an object without mark',
    procs: [A({ op: 'getTagging', key: 'k' }, { op: 'attrs', key: 'k' }), A(del('k')), B(put('k', 'y'))],
    init: LEGACY
  },
  {
    name: 'tags, metadata mode',
    env: { mode: 'metadata' },
    procs: [A({ op: 'getTagging', key: 'k' }), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  ...(['tag', 'metadata'] as const).map((mode): Scenario => ({
    name: `a policy that reads tags, ${mode} mode`,
    env: { mode },
    procs: [{ me: 'B', admits: 'open', ops: [get('k')] }, A(put('k', 'secret'), { ...put('k', 'z'), ctag: 'open' })],
    init: { k: [by('A', 'x', { ctag: 'open' })] }
  }))
]

const PUTS: Scenario[] = [
  { name: 'two small puts on an absent key', procs: [A(put('k', 'x')), B(put('k', 'y'))], faults: 1, zombies: true },
  { name: 'small puts of the same bytes', procs: [A(put('k', 'x')), B(put('k', 'x')), A(put('k', 'x'))], faults: 1 },
  {
    name: 'small put, warm cache, deleted elsewhere, B writes the same bytes',
    procs: [{ ...A(put('k', 'z')), after: 2 }, A(del('k')), { ...B(put('k', 'x')), after: 1 }],
    init: OWN,
    caches: WARM
  },
  {
    name: 'small put, A deletes meanwhile, B writes the same bytes',
    procs: [A(put('k', 'z')), A(del('k')), B(put('k', 'x'))],
    init: OWN,
    inherent: ['S2', 'W1: equal bytes have equal ETags']
  },
  {
    name: 'the same where no two writes share an ETag',
    env: { uniqueEtags: true },
    procs: [A(put('k', 'z')), A(del('k')), B(put('k', 'x'))],
    init: OWN,
    caches: [{ k: { owner: 'A', etag: 'x#i0', mark: 'A' } }]
  },
  {
    name: 'small put, hand-over, other bytes',
    procs: [A(put('k', 'z')), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    faults: 1,
    zombies: true
  },
  {
    name: 'large put, hand-over, other bytes',
    procs: [A(putLarge('k', 'z')), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    faults: 1,
    zombies: true
  },
  {
    name: 'large put on an object without mark, outside writers',
    procs: [A(putLarge('k', 'z')), RAW('B', { op: 'rawPut', key: 'k', body: 'y' })],
    init: LEGACY
  },
  {
    name: "put with the client's If-None-Match",
    procs: [A({ ...put('k', 'z'), cinm: true }), B(put('k', 'y'), del('k')), A(put('k', 'x'))],
    faults: 1
  },
  {
    name: "put with the client's If-Match",
    procs: [A({ ...put('k', 'z'), cim: 'x' }), B(put('k', 'y'), del('k')), A(del('k'))],
    init: OWN,
    faults: 1
  },
  {
    name: "put with another's ETag as If-Match",
    procs: [A({ ...put('k', 'z'), cim: 'y' })],
    init: { k: [by('B', 'y')] },
    expect: all('403')
  },
  {
    name: 'put over an object without tag and mark',
    procs: [A(put('k', 'z'), del('k'), get('k'))],
    init: { k: [{ body: 'x' }] },
    expect: all('403,403,403')
  },
  {
    name: 'versioned puts and deletes',
    env: { versioned: true },
    procs: [A(put('k', 'z')), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    faults: 1
  }
]

const COPIES: Scenario[] = [
  { name: 'copy, source handed over, same bytes', procs: [A(copy('k', 'd')), A(del('k')), B(put('k', 'x'))], init: OWN },
  { name: 'copy, source handed over, other bytes', procs: [A(copy('k', 'd')), A(del('k')), B(put('k', 'y'))], init: OWN, faults: 1 },
  {
    name: 'copy, metadata mode, the source handed over between its head and its tags',
    env: { mode: 'metadata' },
    procs: [A(copy('k', 'd')), A(del('k')), B({ ...put('k', 'x'), ctag: 'b' })],
    init: { k: [by('A', 'x', { ctag: 'a' })] },
    expect: (world) => (world.store['d']?.[0]?.ctag === 'b' ? 'S1: the copy has the tags of B' : null)
  },
  { name: 'copy, destination raced', procs: [A(copy('k', 'd')), B(put('d', 'y'))], init: OWN, faults: 1, zombies: true },
  {
    name: 'copy, the upstream ignores copy-source-if-match',
    env: { ignoresSource: true },
    procs: [A(copy('k', 'd')), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'large copy, the upstream ignores copy-source-if-match',
    env: { cls: 'B', ignoresSource: true },
    procs: [A(copy('k', 'd', 'copyBig')), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'copied part, the upstream ignores copy-source-if-match',
    env: { cls: 'B', ignoresSource: true },
    procs: [A({ op: 'partCopy', src: 'k', key: 'd', id: 'u' }), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    uploads: { u: { ...UPLOAD, key: 'd' } }
  },
  {
    name: 'copied part, source handed over',
    procs: [A({ op: 'partCopy', src: 'k', key: 'd', id: 'u' }), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    uploads: { u: { ...UPLOAD, key: 'd' } }
  },
  {
    name: 'large copy onto itself, the upstream ignores copy-source-if-match',
    env: { cls: 'B', ignoresSource: true },
    procs: [A(copy('k', 'k', 'copyBig')), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'copy to another account',
    env: B_CLASS,
    procs: [A(copy('k', 'd', 'copyAwayBig')), A(del('k')), B(put('k', 'y'), put('d', 'y'))],
    init: OWN
  },
  {
    name: 'copy of a source without mark',
    procs: [A(copy('k', 'd'))],
    init: LEGACY,
    expect: (world) => (world.store['d']?.[0]?.mark === 'A' ? null : 'S3: the copy has no mark')
  },
  { name: 'small copy, class B', env: B_CLASS, procs: [A(copy('k', 'd')), A(del('k')), B(put('k', 'y'), put('d', 'y'))], init: OWN },
  {
    name: 'large copy, class B',
    env: B_CLASS,
    procs: [A(copy('k', 'd', 'copyBig')), A(del('k')), B(put('k', 'y'), put('d', 'y'))],
    init: OWN
  },
  { name: 'copy onto itself, against an own put', procs: [A(copy('k', 'k')), A(put('k', 'z'))], init: OWN, faults: 1 },
  {
    name: 'copy onto itself, class B, against an own put',
    env: B_CLASS,
    procs: [A(copy('k', 'k')), A(put('k', 'z'))],
    init: OWN,
    faults: 1
  },
  {
    name: 'large copy onto itself, class B, against an own put',
    env: B_CLASS,
    procs: [A(copy('k', 'k', 'copyBig')), A(put('k', 'z'))],
    init: OWN
  }
]

const COMPLETES: Scenario[] = [
  { name: 'complete against a put of B', procs: [A(complete), B(put('k', 'y'))], uploads: { u: UPLOAD }, faults: 1, zombies: true },
  {
    name: 'complete over an equal object of the same owner',
    procs: [A(complete)],
    init: { k: [by('A', 'x', { etag: 'x-1' })] },
    uploads: { u: UPLOAD },
    faults: 1,
    expect: all('200')
  },
  {
    name: 'complete after an abort, equal object there',
    procs: [A(complete)],
    init: { k: [by('A', 'x', { etag: 'x-1' })] },
    uploads: { u: { ...UPLOAD, aborted: true } },
    expect: all('404')
  },
  { name: 'complete, answer lost, then NoSuchUpload', procs: [A(complete)], uploads: { u: UPLOAD }, faults: 1, expect: all('200') },
  {
    name: 'complete, answer lost, then 200 again',
    env: { completeAgain: true },
    procs: [A(complete)],
    init: { k: [by('A', 'o')] },
    uploads: { u: UPLOAD },
    faults: 1,
    expect: all('200')
  },
  {
    name: 'complete over an own object, where a 412 ends the upload',
    env: { killsUpload: true },
    procs: [A(complete)],
    init: { k: [by('A', 'o')] },
    uploads: { u: UPLOAD },
    expect: all('200')
  },
  { name: 'complete twice at once', procs: [A(complete), A(complete)], uploads: { u: UPLOAD }, faults: 1 },
  {
    name: "complete with the client's If-None-Match, answer lost",
    procs: [A({ ...complete, cinm: true })],
    uploads: { u: UPLOAD },
    faults: 1,
    expect: all('200')
  }
]

const TWO = { k: [by('A', 'x')], d: [by('A', 'x')] }
const MARKERS = { k: [by('B', 'y'), { marker: true, own: 'B' }, by('A', 'x'), { marker: true, own: 'A' }] as Init[] }

const DELETES: Scenario[] = [
  { name: 'delete, hand-over, other bytes', procs: [A(del('k')), A(del('k')), B(put('k', 'y'))], init: OWN, faults: 1, zombies: true },
  {
    name: 'delete, hand-over, same bytes',
    procs: [A(del('k')), A(del('k')), B(put('k', 'x'))],
    init: OWN,
    inherent: ['S2', 'W1: equal bytes have equal ETags']
  },
  {
    name: 'delete, same bytes, with leases in class A',
    env: { leases: 'always' },
    procs: [A(del('k')), A(del('k')), B(put('k', 'x'))],
    init: OWN
  },
  { name: 'delete, class B', env: B_CLASS, procs: [A(del('k')), A(del('k')), B(put('k', 'x'))], init: OWN },
  {
    name: 'delete, class B, against an own batch',
    env: B_CLASS,
    procs: [A(del('k')), A({ op: 'batch', keys: ['k', 'd'] }), B(put('k', 'y'))],
    init: TWO
  },
  { name: 'delete, class B, own put meanwhile', env: B_CLASS, procs: [A(del('k')), A(put('k', 'z')), B(put('k', 'y'))], init: OWN },
  {
    name: 'delete, class B, answer lost, request late',
    env: B_CLASS,
    faults: 1,
    zombies: true,
    procs: [A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'delete, class B, the replica dies with the request on its way',
    env: B_CLASS,
    faults: 1,
    crashes: true,
    procs: [A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'delete, class B, a delete around the proxy in the window',
    env: B_CLASS,
    procs: [A(del('k')), RAW('A', { op: 'rawDelete', key: 'k' }), B(put('k', 'y'))],
    init: OWN,
    inherent: ['S2', 'W3: a deleter that takes no lease makes room for B']
  },
  {
    name: 'delete, class A, a delete around the proxy in the window',
    procs: [A(del('k')), RAW('A', { op: 'rawDelete', key: 'k' }), B(put('k', 'y'))],
    init: OWN
  },
  {
    name: 'two batches in opposite orders, class B',
    env: B_CLASS,
    procs: [A({ op: 'batch', keys: ['k', 'd'] }), A({ op: 'batch', keys: ['d', 'k'] })],
    init: TWO
  },
  { name: 'batch, class A, hand-over', procs: [A({ op: 'batch', keys: ['k', 'd', 'k'] }), A(del('k')), B(put('k', 'y'))], init: TWO },
  {
    name: 'delete of a version that covers one of B, class B',
    env: { cls: 'B', versioned: true },
    procs: [A(del('k')), A({ op: 'del', key: 'k', vid: 'i1' }), B(get('k'))],
    init: { k: [by('B', 'y'), by('A', 'x')] }
  },
  {
    name: 'a delete marker is removed while the version under it goes',
    env: { versioned: true },
    procs: [A({ op: 'del', key: 'k', vid: 'i3' }), A({ op: 'del', key: 'k', vid: 'i2' }), A({ op: 'del', key: 'k', vid: 'i1' })],
    init: MARKERS,
    expect: (world) => (world.store['k']?.some((one) => one.vid === 'i1') ? null : 'S2: the marker over an object of B was removed by A')
  },
  {
    name: 'policy lets B overwrite, A deletes, class B',
    env: B_CLASS,
    procs: [A(del('k')), { me: 'B', raw: true, admits: 'all', ops: [put('k', 'y')] }],
    init: OWN
  },
  {
    name: 'policy lets B overwrite by a copy, A deletes, class B',
    env: B_CLASS,
    procs: [A(del('k')), { me: 'B', raw: true, admits: 'all', ops: [copy('d', 'k')] }],
    init: { k: [by('A', 'x')], d: [by('B', 'y')] }
  },
  {
    name: 'policy lets B complete over it, A deletes, class B',
    env: B_CLASS,
    procs: [A(del('k')), { me: 'B', raw: true, admits: 'all', ops: [complete] }],
    init: OWN,
    uploads: { u: { ...UPLOAD, mark: 'B', tag: 'B', own: 'B', body: 'y' } }
  },
  {
    name: 'policy lets B overwrite, A deletes, class A',
    procs: [A(del('k')), { me: 'B', raw: true, admits: 'all', ops: [put('k', 'y')] }],
    init: OWN
  }
]

const TAGGING: Scenario[] = [
  {
    name: 'tagging, class A, hand-over',
    procs: [A(retag), A(del('k')), B(put('k', 'y'))],
    init: OWN,
    inherent: ['S2', 'W2: tagging takes no condition']
  },
  { name: 'tagging, class A, with leases', env: { leases: 'always' }, procs: [A(retag), A(del('k')), B(put('k', 'y'))], init: OWN },
  { name: 'tagging, class B, hand-over', env: B_CLASS, procs: [A(retag), A(del('k')), B(put('k', 'y'))], init: OWN },
  {
    name: 'tagging, class A, what is left after the repair',
    ignore: ['S2'],
    procs: [A(retag), A(del('k')), B(put('k', 'y'), del('k')), A(put('k', 'x'))],
    init: OWN,
    inherent: ['S3', 'W2: the repair races too; tag and mark differ, so it is denied']
  },
  {
    name: 'tagging, class B, request late',
    env: B_CLASS,
    faults: 1,
    zombies: true,
    crashes: true,
    procs: [A(retag), A(del('k')), B(put('k', 'y'))],
    init: OWN
  },
  { name: 'tagging, versioned', env: { versioned: true }, procs: [A(retag), A(del('k')), B(put('k', 'y'))], init: OWN }
]

const OPERATOR: Scenario[] = [
  {
    name: 'the operator gives A to B in one step while A writes',
    procs: [A(putLarge('k', 'z')), OP({ op: 'transfer', key: 'k', to: 'B' })],
    init: OWN,
    inherent: ['S2', 'R14: a transfer in one step keeps the ETag']
  },
  {
    name: 'the operator gives it to nobody, waits, then to B',
    procs: [
      A(putLarge('k', 'z')),
      OP({ op: 'transfer', key: 'k', to: '~' }, { op: 'transfer', key: 'k', from: '~', to: 'B', drain: true })
    ],
    init: OWN,
    nobody: true
  },
  {
    name: 'the operator gives it to B with a new ETag while A writes',
    procs: [A(putLarge('k', 'z')), A(del('k')), OP({ op: 'transfer', key: 'k', to: 'B', newEtag: true })],
    init: OWN
  }
]

const ALONE_OPS: Op[] = [
  put('k', 'x'),
  get('k'),
  put('k', 'y'),
  putLarge('k', 'z'),
  copy('k', 'd'),
  copy('k', 'd'),
  { ...complete, key: 'e' },
  { ...retag, key: 'd' },
  del('k'),
  { op: 'batch', keys: ['d', 'e'] }
]

const ALONE: Scenario[] = (['A', 'B'] as const).flatMap((cls) =>
  (['tag', 'metadata'] as const).map((mode) => ({
    name: `alone, one lost answer, class ${cls}, ${mode} mode`,
    env: { cls, mode },
    faults: 1,
    retries: 2,
    procs: [A(...ALONE_OPS)],
    uploads: { u: { ...UPLOAD, key: 'e' } },
    // After a lost answer to tagging, class B may answer deletes of that key 503 until the lease is over.
    expect: (world: World) => {
      const results = String(world.procs[0]?.results)
      return /^200,200,200,200,200,200,200,200,204,(204|503)$/.test(results) && (cls === 'B' || !results.endsWith('503'))
        ? null
        : `L1: results ${results}`
    }
  }))
)

export const SCENARIOS: readonly Scenario[] = [...READS, ...PUTS, ...COPIES, ...COMPLETES, ...DELETES, ...TAGGING, ...OPERATOR, ...ALONE]
