import type { Test } from 'tap'
import { beginUpload, md5, partsBody, seed, taggingBody } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { ownerOfService, PLACES } from './rig-config.ts'

const PLACES_WITH_TAGS = ['awsTag', 'awsMeta', 'minioTag', 'minioMeta'] as const
const ME = ownerOfService('a1')
const OTHER = ownerOfService('a2')

/** Ways to ask for tags: as the header is written, and as pairs of a document. `code` null: taken. */
const TRICKS: readonly {
  readonly why: string
  readonly header: string | null
  readonly pairs: readonly (readonly [string, string])[] | null
  readonly code: string | null
}[] = [
  { why: 'another owner', header: `service=${OTHER}`, pairs: [['service', OTHER]], code: 'AccessDenied' },
  {
    why: 'another owner behind other tags',
    header: `a=b&service=${OTHER}`,
    pairs: [
      ['a', 'b'],
      ['service', OTHER]
    ],
    code: 'AccessDenied'
  },
  {
    why: 'another owner, encoded',
    header: `s%65rvice=${encodeURIComponent(OTHER)}`,
    pairs: [['s&#101;rvice', OTHER]],
    code: 'AccessDenied'
  },
  { why: 'no owner', header: 'service=', pairs: [['service', '']], code: 'AccessDenied' },
  {
    why: 'its own owner and another',
    header: `service=${ME}&service=${OTHER}`,
    pairs: [
      ['service', ME],
      ['service', OTHER]
    ],
    code: 'InvalidTag'
  },
  {
    why: 'another owner and its own, encoded',
    header: `service=${OTHER}&%73ervice=${ME}`,
    pairs: [
      ['service', OTHER],
      ['&#x73;ervice', ME]
    ],
    code: 'InvalidTag'
  },
  {
    why: 'its own owner twice',
    header: `service=${ME}&service=${ME}`,
    pairs: [
      ['service', ME],
      ['service', ME]
    ],
    code: 'InvalidTag'
  },
  { why: 'a tag without a value sign', header: 'service', pairs: null, code: 'InvalidArgument' },
  { why: 'a tag without a name', header: `=${OTHER}`, pairs: [['', OTHER]], code: null },
  { why: 'a broken escape', header: 'a=%zz', pairs: null, code: 'InvalidArgument' },
  { why: 'invalid UTF-8', header: 'a=%ff', pairs: null, code: 'InvalidArgument' },
  { why: 'a name that S3 keeps for itself', header: 'aws:x=y', pairs: [['aws:x', 'y']], code: 'InvalidTag' },
  { why: 'a sign that tags may not have', header: 'a=b%3Bservice%3Dc', pairs: [['a', 'b;c']], code: 'InvalidTag' },
  {
    why: 'ten tags beside the owner',
    header: tenTags()
      .map(([key, value]) => `${key}=${value}`)
      .join('&'),
    pairs: tenTags(),
    code: 'BadRequest'
  },
  {
    why: 'its own owner',
    header: `service=${ME}&a=b`,
    pairs: [
      ['service', ME],
      ['a', 'b']
    ],
    code: null
  },
  {
    why: 'a name that only looks like it',
    header: `Service=${OTHER}&services=${OTHER}`,
    pairs: [
      ['Service', OTHER],
      ['services', OTHER]
    ],
    code: null
  }
]

function tenTags(): [string, string][] {
  return Array.from({ length: 10 }, (_, index) => [`k${index}`, 'v'])
}

/** S-10: whose an object is, no client decides, on whatever operation it sets tags. */
export async function tags(t: Test, rig: Rig): Promise<void> {
  const { a1, a2 } = rig.callers
  for (const place of PLACES_WITH_TAGS) {
    const tenant = `ta-${place.toLowerCase()}`
    await t.test(`S-10: a client’s tags never say whose an object is (${place})`, async (t) => {
      rig.clear()
      await seed(rig, a1, `/${tenant}/mine`)
      await seed(rig, a2, `/${tenant}/others`)
      for (const [operation, callOf] of operations(tenant)) {
        for (const trick of TRICKS) {
          const call = callOf(trick)
          if (call === null) continue
          // An empty name is no tag; in a header it is not even a pair.
          const code =
            trick.why === 'a tag without a name' ? (operation === 'PutObjectTagging' ? 'InvalidTag' : 'InvalidArgument') : trick.code
          const why = `${operation} with ${trick.why}`
          if (code === null) await succeeds(t, rig, why, { ...call, as: a1 })
          else await refused(t, rig, { why, call: { ...call, as: a1 }, code })
          t.same(misowned(rig, place), [], 'and every object is its owner’s, by tag and mark')
        }
      }
      const nine = tenTags().slice(1)
      await succeeds(t, rig, 'nine tags', {
        method: 'PUT',
        target: `/${tenant}/mine`,
        as: a1,
        body: 'x',
        headers: [['x-amz-tagging', nine.map(([key, value]) => `${key}=${value}`).join('&')]]
      })
      const shown = await rig.send({ method: 'GET', target: `/${tenant}/mine?tagging`, as: a1 })
      t.equal(shown.text.match(/<Tag>/g)?.length, 9, 'its owner is shown its nine tags and not the hidden one')
      t.notMatch(shown.text, /service/)
      const got = await rig.send({ method: 'HEAD', target: `/${tenant}/mine`, as: a1 })
      t.equal(got.response.headers.get('x-amz-tagging-count'), '9')
      t.notOk([...got.response.headers.keys()].some((name) => name.includes('sluice')))
      await succeeds(t, rig, 'DeleteObjectTagging', { method: 'DELETE', target: `/${tenant}/mine?tagging`, as: a1 })
      t.same([...(taggedAt(rig, place).get(`${tenant}/mine`)?.tags ?? [])], [['service', ME]], 'leaves the owner alone')
      const gone = await rig.send({ method: 'GET', target: `/${tenant}/mine?tagging`, as: a1 })
      t.equal(gone.text.match(/<Tag>/g), null)
    })
  }
  await t.test('S-10: an upload carries its owner from its beginning, whatever Complete says', async (t) => {
    for (const place of PLACES_WITH_TAGS) {
      const target = `/ta-${place.toLowerCase()}/assembled`
      const { uploadId, etag } = await beginUpload(rig, a1, target)
      for (const [name, value] of [
        ['x-amz-tagging', `service=${OTHER}`],
        ['x-amz-meta-sluice-service', OTHER]
      ] as const) {
        const call: Call = {
          method: 'POST',
          target: `${target}?uploadId=${uploadId}`,
          as: a1,
          body: partsBody(etag),
          headers: [[name, value]]
        }
        await refused(t, rig, { why: `${place}, ${name}`, call, code: name === 'x-amz-tagging' ? 'NotImplemented' : 'AccessDenied' })
      }
      await succeeds(t, rig, place, { method: 'POST', target: `${target}?uploadId=${uploadId}`, as: a1, body: partsBody(etag) })
      t.same(misowned(rig, place), [])
    }
  })
}

type Trick = (typeof TRICKS)[number]

function operations(tenant: string): readonly (readonly [string, (trick: Trick) => Omit<Call, 'as'> | null])[] {
  const withHeader =
    (call: Omit<Call, 'as'>) =>
    (trick: Trick): Omit<Call, 'as'> | null =>
      trick.header === null ? null : { ...call, headers: [...(call.headers ?? []), ['x-amz-tagging', trick.header]] }
  const copy = (...more: readonly (readonly [string, string])[]): Omit<Call, 'as'> => ({
    method: 'PUT',
    target: `/${tenant}/copy`,
    headers: [['x-amz-copy-source', `${tenant}/mine`], ['x-amz-tagging-directive', 'REPLACE'], ...more]
  })
  return [
    ['PutObject', withHeader({ method: 'PUT', target: `/${tenant}/new`, body: 'x' })],
    ['PutObject over its own', withHeader({ method: 'PUT', target: `/${tenant}/mine`, body: 'x' })],
    ['CreateMultipartUpload', withHeader({ method: 'POST', target: `/${tenant}/upload?uploads` })],
    ['CopyObject', withHeader(copy())],
    ['CopyObject with new metadata', withHeader(copy(['x-amz-metadata-directive', 'REPLACE']))],
    [
      'PutObjectTagging',
      (trick) => {
        if (trick.pairs === null) return null
        const body = taggingBody(...trick.pairs)
        return { method: 'PUT', target: `/${tenant}/mine?tagging`, body, headers: [['content-md5', md5(body)]] }
      }
    ]
  ]
}

function taggedAt(rig: Rig, place: keyof typeof PLACES) {
  const { store, bucket } = PLACES[place]
  return new Map(
    [...rig.stores[store].objects(bucket)].flatMap(([key, [latest]]) => (latest === undefined ? [] : [[key, latest] as const]))
  )
}

/** Objects whose tag or mark does not name the service that wrote them. */
function misowned(rig: Rig, place: keyof typeof PLACES): readonly string[] {
  return [...taggedAt(rig, place)].flatMap(([key, { tags: given, metadata }]) => {
    const owner = key.endsWith('/others') ? OTHER : ME
    return given.get('service') === owner && metadata.get('sluice-service') === owner
      ? []
      : [`${key}: ${given.get('service')} and ${metadata.get('sluice-service')}`]
  })
}
