import t, { type Test } from 'tap'
import { OPERATION_NAMES, type OperationName } from '../../proxy/s3/operations.ts'
import { beginUpload, md5, seed, stored, taggingBody } from './attacks/calls.ts'
import { batch, OF_AN_UPLOAD, OF_THE_TENANT, ROWS, type Scene, type Shape } from './attacks/isolation-rows.ts'
import { contentOf } from './attacks/leaks.ts'
import { PLACES, PLACE_NAMES, SHARED_BUCKET, tenantAt, type PlaceName } from './attacks/rig-config.ts'
import { startRig, type Call, type Caller, type Outcome, type Rig } from './attacks/rig.ts'
import { presign } from './attacks/signer.ts'

/**
 * Two tenants with two services each, the same keys in both, and every row of the operation table. Of every answer and of
 * every upstream request the rig asserts besides: no word of another tenant, of another service's content or of the upstream
 * leaves, and no key outside the tenants of the caller is asked for.
 */
const rig = await startRig()
t.teardown(() => rig.stop())

t.test('every row of the operation table is tried', (t) => {
  t.same(Object.keys(ROWS).sort(), [...OPERATION_NAMES].sort())
  t.end()
})

const KEYS = ['k1', 'k2'] as const

async function scenesAt(place: PlaceName, side: 'a' | 'b'): Promise<Readonly<Record<'k1' | 'k2', Scene>>> {
  const tenant = tenantAt(place, side)
  const scene = async (key: 'k1' | 'k2'): Promise<Scene> => {
    const as = rig.callers[`${side}${key === 'k1' ? 1 : 2}`]
    await seed(rig, as, `/${tenant}/${key}`)
    const upload = await beginUpload(rig, as, `/${tenant}/${key}`)
    return { tenant, key, ...upload }
  }
  return { k1: await scene('k1'), k2: await scene('k2') }
}

for (const place of PLACE_NAMES) {
  t.test(`tenants and services are apart in ${place}`, async (t) => {
    rig.clear()
    const a = await scenesAt(place, 'a')
    const b = await scenesAt(place, 'b')
    await betweenTenants(t, [
      { as: rig.callers.b1, scene: a.k1 },
      { as: rig.callers.b2, scene: a.k1 },
      { as: rig.callers.a1, scene: b.k1 }
    ])
    await betweenServices(t, { as: rig.callers.a2, scene: a.k1, own: a.k2 })
    await betweenServices(t, { as: rig.callers.a1, scene: a.k2, own: a.k1 })
    if (place.endsWith('Versions')) await betweenVersions(t, place)
    await sameNames(t, place)
  })
}

/** The request as other ways in carry it: as a URL, with its `x-amz-*` headers moved into the query, and with a token. */
async function inOtherWays(shape: Shape, as: Caller): Promise<readonly (readonly [way: string, call: Call])[]> {
  // A form carries its own proof and takes no other.
  if (shape.form !== undefined) return []
  const headers = shape.headers ?? []
  const hoisted = headers.filter(([name]) => name.startsWith('x-amz-')).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  const target = [shape.target, ...(hoisted.length === 0 ? [] : [hoisted.join('&')])].join(shape.target.includes('?') ? '&' : '?')
  const host = `127.0.0.1:${rig.port}`
  const url = presign({ method: shape.method, target, headers: [['host', host]] }, as.credentials, { now: new Date(), payload: null })
  const common = { as: null, onBehalfOf: as }
  const byUrl: Call = { ...shape, ...common, target: url, headers: headers.filter(([name]) => !name.startsWith('x-amz-')) }
  // How a request comes in has no part in where it goes: two places, of both kinds of ownership, show it.
  if (!/^\/t[ab]-(?:awstag|miniometa)\b/.test(shape.target)) return []
  // The issuer's rules give a role to services of the first tenant alone.
  if (!as.service.startsWith('a')) return [['by URL', byUrl]]
  const authorization = ['authorization', `Bearer ${await rig.token(as.service)}`] as const
  return [
    ['by URL', byUrl],
    ['by token', { ...shape, ...common, headers: [...headers, authorization] }]
  ]
}

interface Trespass {
  readonly as: Caller
  readonly scene: Scene
}

async function betweenTenants(t: Test, trespasses: readonly Trespass[]): Promise<void> {
  await t.test('between tenants no operation is done and nothing is asked', async (t) => {
    for (const { as, scene } of trespasses) {
      for (const [name, shapeOf] of Object.entries(ROWS)) {
        const before = rig.state()
        const outcome = await rig.send({ ...shapeOf(scene), as })
        const isList = name === 'ListBuckets'
        t.same(
          [outcome.status, outcome.upstream, rig.state() === before],
          [isList ? 200 : 403, [], true],
          `${name} of ${scene.tenant}/${scene.key} by ${as.service}`
        )
        if (isList) t.ok([...outcome.text.matchAll(/<Name>([^<]*)</g)].every(([, tenant = '']) => tenant.startsWith(as.tenants)))
        for (const [way, call] of await inOtherWays(shapeOf(scene), as)) {
          const other = await rig.send(call)
          t.same(
            [other.status, other.upstream, rig.state() === before],
            [isList ? 200 : 403, [], true],
            `${name} of ${scene.tenant}/${scene.key} by ${as.service}, ${way}`
          )
        }
      }
      const own = as.tenants === 'ta-' ? scene.tenant.replace('tb-', 'ta-') : scene.tenant.replace('ta-', 'tb-')
      for (const target of [`/${own}/copy`, `/${own}/${scene.key}`]) {
        const outcome = await rig.send({ method: 'PUT', target, as, headers: [['x-amz-copy-source', `${scene.tenant}/${scene.key}`]] })
        t.same([outcome.code, outcome.upstream], ['AccessDenied', []], `a copy to ${target}`)
      }
    }
  })
}

async function betweenServices(t: Test, { as, scene, own }: Trespass & { readonly own: Scene }): Promise<void> {
  await t.test(`between services of a tenant no content, tags or metadata are seen and nothing is changed: ${as.service}`, async (t) => {
    for (const [name, shapeOf] of Object.entries(ROWS) as [OperationName, (scene: Scene) => Shape][]) {
      const before = rig.state()
      const outcome = await rig.send({ ...shapeOf(scene), as })
      t.same([refusalOf(name, outcome), rig.state() === before], [null, true], `${name} of ${scene.key}`)
      t.notMatch(`${outcome.response.rawHeaders.join()}${outcome.text}`, contentOf(scene.key === 'k1' ? 'a1' : 'a2'))
      for (const [way, call] of await inOtherWays(shapeOf(scene), as)) {
        const other = await rig.send(call)
        t.same([refusalOf(name, other), rig.state() === before], [null, true], `${name} of ${scene.key}, ${way}`)
        t.notMatch(`${other.response.rawHeaders.join()}${other.text}`, contentOf(scene.key === 'k1' ? 'a1' : 'a2'))
      }
    }
    for (const range of ['bytes=0-0', 'bytes=0-0,2-3', 'bytes=999999-', 'items=0-1']) {
      const outcome = await rig.send({ method: 'GET', target: `/${scene.tenant}/${scene.key}`, as, headers: [['range', range]] })
      t.equal(outcome.code, 'AccessDenied', range)
    }
    for (const [name, value] of [
      ['if-match', '"x"'],
      ['if-match', scene.etag],
      ['if-none-match', '*'],
      ['if-none-match', scene.etag],
      ['if-modified-since', 'Wed, 01 Jan 2098 00:00:00 GMT'],
      ['if-unmodified-since', 'Wed, 01 Jan 1998 00:00:00 GMT']
    ] as const) {
      for (const method of ['GET', 'HEAD']) {
        const outcome = await rig.send({ method, target: `/${scene.tenant}/${scene.key}`, as, headers: [[name, value]] })
        t.equal(outcome.status, 403, `${method} with ${name}: a condition tells nothing of what is not one’s own`)
      }
      const headers: Call['headers'] = [
        ['x-amz-copy-source', `${scene.tenant}/${scene.key}`],
        [`x-amz-copy-source-${name}`, value]
      ]
      const copy = await rig.send({ method: 'PUT', target: `/${scene.tenant}/copy`, as, headers })
      t.equal(copy.code, 'AccessDenied', `nor does ${name} of a copy`)
    }
    for (const [name, value] of [
      ['if-none-match', '*'],
      ['if-match', scene.etag],
      ['if-match', '*']
    ] as const) {
      const outcome = await rig.send({ method: 'PUT', target: `/${scene.tenant}/${scene.key}`, as, body: 'x', headers: [[name, value]] })
      t.equal(outcome.code, 'AccessDenied', `nor ${name} of a write`)
    }
    for (const query of ['partNumber=1', 'partNumber=9', 'versionId=null', 'versionId=none', 'response-content-type=text/html']) {
      const outcome = await rig.send({ method: 'GET', target: `/${scene.tenant}/${scene.key}?${query}`, as })
      // A version that is not there is told to whoever may list versions: a bucket that keeps them has none without an id.
      const isAbsent = query === 'versionId=none' || (query === 'versionId=null' && scene.tenant.endsWith('versions'))
      t.equal(outcome.status, isAbsent ? 404 : 403, query)
    }
    const acl = await rig.send({ method: 'GET', target: `/${scene.tenant}/${scene.key}?acl`, as })
    const aclOfNothing = await rig.send({ method: 'GET', target: `/${scene.tenant}/nothing-there?acl`, as })
    t.equal(acl.text, aclOfNothing.text, 'an access control list says nothing of the object')
    await ownWorks(t, as, own)
  })
}

/** Null where the operation was refused, or answered without anything of the object, as it must be. */
function refusalOf(name: OperationName, { status, code, text }: Outcome): string | null {
  const found = `${status} ${code ?? ''}`
  if (OF_THE_TENANT.has(name)) return status < 500 && status !== 403 ? null : found
  if (OF_AN_UPLOAD.has(name)) return code === 'NoSuchUpload' ? null : found
  if (name === 'GetObjectAcl') return status === 200 ? null : found
  if (name === 'DeleteObjects') return status === 200 && /<Code>AccessDenied</.test(text) && !/<Deleted>/.test(text) ? null : found
  return status === 403 ? null : found
}

async function ownWorks(t: Test, as: Caller, own: Scene): Promise<void> {
  const word = contentOf(as.service)
  const read = await rig.send({ method: 'GET', target: `/${own.tenant}/${own.key}`, as })
  t.match(read.text, word, 'its own content it reads')
  t.equal(read.response.headers.get('x-amz-meta-note'), word)
  t.equal(read.response.headers.get('x-amz-tagging-count'), '1')
  for (const [way, call] of await inOtherWays({ method: 'GET', target: `/${own.tenant}/${own.key}` }, as))
    t.match((await rig.send(call)).text, word, `and ${way} too`)
  const tags = await rig.send({ method: 'GET', target: `/${own.tenant}/${own.key}?tagging`, as })
  t.match(tags.text, word)
}

async function betweenVersions(t: Test, place: PlaceName): Promise<void> {
  const { a1, a2 } = rig.callers
  const tenant = tenantAt(place, 'a')
  const target = `/${tenant}/kept`
  const versions = (): readonly string[] =>
    (rig.stores[PLACES[place].store].objects(PLACES[place].bucket).get(`${tenant}/kept`) ?? []).map(({ versionId }) => versionId)
  await t.test('each version belongs to who wrote it, and a marker to who may see what it hides', async (t) => {
    await seed(rig, a1, target)
    await seed(rig, a1, target)
    await rig.send({ method: 'DELETE', target, as: a1 })
    const [marker = '', second = '', first = ''] = versions()
    const over = await rig.send({ method: 'PUT', target, as: a2, body: `of ${contentOf('a2')}` })
    t.equal(over.status, 200, 'a key that is deleted is free')
    const [theirs = ''] = versions()
    for (const versionId of [first, second, marker]) {
      for (const shape of onVersion(tenant, 'kept', versionId)) {
        const before = rig.state()
        const outcome = await rig.send({ ...shape, as: a2 })
        const isRefused =
          outcome.status === 403 ||
          (versionId === marker && [404, 405].includes(outcome.status)) ||
          /<Code>AccessDenied</.test(outcome.text)
        t.same(
          [isRefused, rig.state() === before],
          [true, true],
          `${shape.method} ${shape.target.replace(versionId, versionId === marker ? 'marker' : 'version')}: ${outcome.status} ${outcome.code ?? ''}`
        )
      }
    }
    for (const shape of onVersion(tenant, 'kept', theirs).filter(({ method }) => method !== 'HEAD')) {
      const before = rig.state()
      const outcome = await rig.send({ ...shape, as: a1 })
      t.same(
        [outcome.status === 403 || /<Code>AccessDenied</.test(outcome.text), rig.state() === before],
        [true, true],
        `${shape.method} of the version above by who wrote those below`
      )
    }
    const listed = await rig.send({ method: 'GET', target: `/${tenant}?versions&prefix=kept`, as: a2 })
    t.equal(listed.text.match(/<VersionId>/g)?.length, 4, 'names and ids are seen by whoever may list')
    t.notMatch(listed.text, contentOf('a1'))
    const gone = await rig.send({ method: 'DELETE', target: `${target}?versionId=${theirs}`, as: a2 })
    t.equal(gone.status, 204, 'its own version a service takes away')
    const hidden = await rig.send({ method: 'GET', target, as: a2 })
    t.equal(hidden.status, 404)
    const uncovered = await rig.send({ method: 'DELETE', target: `${target}?versionId=${marker}`, as: a2 })
    t.equal(uncovered.code, 'AccessDenied', 'a marker over another’s version stays')
    const back = await rig.send({ method: 'DELETE', target: `${target}?versionId=${marker}`, as: a1 })
    t.equal(back.status, 204)
    const read = await rig.send({ method: 'GET', target, as: a1 })
    t.match(read.text, contentOf('a1'), 'and its owner has the version back')
  })
}

function onVersion(tenant: string, key: string, versionId: string): readonly Shape[] {
  const target = `/${tenant}/${key}?versionId=${versionId}`
  const tagging = taggingBody(['a', 'b'])
  return [
    { method: 'GET', target },
    { method: 'HEAD', target },
    { method: 'GET', target: `${target}&attributes`, headers: [['x-amz-object-attributes', 'ETag']] },
    { method: 'GET', target: `${target}&tagging` },
    { method: 'PUT', target: `${target}&tagging`, body: tagging, headers: [['content-md5', md5(tagging)]] },
    { method: 'DELETE', target: `${target}&tagging` },
    { method: 'DELETE', target },
    batch(tenant, `<Key>${key}</Key><VersionId>${versionId}</VersionId>`),
    { method: 'PUT', target: `/${tenant}/stolen`, headers: [['x-amz-copy-source', `${tenant}/${key}?versionId=${versionId}`]] }
  ]
}

async function sameNames(t: Test, place: PlaceName): Promise<void> {
  await t.test('the same key in two tenants is two objects', async (t) => {
    const { store, bucket } = PLACES[place]
    for (const side of ['a', 'b'] as const) {
      for (const [index, key] of KEYS.entries()) {
        const as = rig.callers[`${side}${index === 0 ? 1 : 2}`]
        t.match(await stored(rig, store, { bucket, key: `${tenantAt(place, side)}/${key}` }), contentOf(as.service))
      }
    }
    const { w1 } = rig.callers
    for (const side of ['a', 'b'] as const)
      await rig.send({ method: 'PUT', target: `/${tenantAt(place, side)}/wide`, as: w1, body: `for ${side}` })
    const deleted = await rig.send({ method: 'DELETE', target: `/${tenantAt(place, 'a')}/wide`, as: w1 })
    t.equal(deleted.status, 204)
    const left = await rig.send({ method: 'GET', target: `/${tenantAt(place, 'b')}/wide`, as: w1 })
    t.equal(left.text, 'for b', 'even for a service that may use both')
  })
}

t.test('tenants of the shared account are apart in the one bucket that they share', async (t) => {
  rig.clear()
  const { a1, b1 } = rig.callers
  await seed(rig, a1, '/ta-shared/k1')
  await seed(rig, b1, '/tb-shared/k1')
  // One name is the beginning of the other: a prefix ends with its slash.
  await seed(rig, a1, '/ta-shared-too/k1')
  t.same([...rig.stores.aws.objects(SHARED_BUCKET).keys()].sort(), ['ta-shared-too/k1', 'ta-shared/k1', 'tb-shared/k1'])
  const { text } = await rig.send({ method: 'GET', target: '/ta-shared', as: a1 })
  t.same(
    [...text.matchAll(/<Key>([^<]*)</g)].map(([, key]) => key),
    ['k1']
  )
  const foreign = await rig.send({ method: 'GET', target: '/tb-shared/k1', as: a1 })
  t.same([foreign.code, foreign.upstream], ['AccessDenied', []])
})

t.test('no answer named anything of the upstream or of others, and nothing was asked outside the tenants of the caller', (t) => {
  t.same(rig.findings, [])
  t.same(storeFailures(rig), [])
  t.end()
})

function storeFailures({ stores }: Rig): readonly string[] {
  return Object.values(stores).flatMap(({ failures }) => failures.map(String))
}
