import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import t from 'tap'
import { presign } from './presign.ts'
import { BUCKET, OTHER_TENANT, startSite, TENANT } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())

const SECRET = 'canary-of-the-other-tenant'

/** Puts an object past the proxy, marked as the caller's own: only its tenant stands in the way. */
async function plant(Key: string): Promise<void> {
  const credentials = { accessKeyId: 'UPSTREAMUPSTREAM', secretAccessKey: 'upstream-secret' }
  const upstream = new S3Client({ endpoint: site.store.endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const owner = 'system:serviceaccount:shop:orders'
  const marked = { Metadata: { 'sluice-service': owner, canary: SECRET }, Tagging: `service=${encodeURIComponent(owner)}` }
  await upstream.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: SECRET, ...marked }))
  upstream.destroy()
}

/** Words that a path, a prefix or a copy source is made of, to leave the own tenant by. */
const words = fc.constantFrom(
  ...[
    TENANT,
    OTHER_TENANT,
    BUCKET,
    'a',
    'secret',
    '..',
    '.',
    '',
    '%2e%2e',
    '%2E%2E',
    '%2F',
    '..%2F',
    '%5c..',
    '%00',
    '*',
    '?',
    '%3F',
    '//',
    '\\',
    ';',
    '%252e%252e'
  ]
)
/** Now and then a request that is in order, or nothing would ever reach the upstream. */
const plain = fc.constantFrom(
  `/${TENANT}/a`,
  `/${TENANT}/secret`,
  `/${TENANT}`,
  `/${TENANT}/a/../secret`,
  `/${TENANT}/${OTHER_TENANT}/secret`
)
const path = fc.array(words, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`)
const ownPath = fc.array(words, { maxLength: 4 }).map((parts) => `/${[TENANT, ...parts].join('/')}`)
const text = fc.array(words, { maxLength: 4 }).map((parts) => parts.join('/'))
const query = fc.dictionary(
  fc.constantFrom(
    'prefix',
    'list-type',
    'delimiter',
    'marker',
    'start-after',
    'continuation-token',
    'uploads',
    'versionId',
    'tagging',
    'attributes',
    'x-amz-copy-source'
  ),
  fc.oneof(text, fc.constantFrom('', '2')),
  { maxKeys: 2 }
)
const headers = fc.dictionary(
  fc.constantFrom('x-amz-copy-source', 'x-amz-tagging', 'x-amz-meta-sluice-service', 'x-forwarded-host', 'x-original-url', 'x-rewrite-url'),
  fc.oneof(
    text,
    text.map((rest) => `/${OTHER_TENANT}/${rest}`),
    fc.constant(`/${OTHER_TENANT}/secret`)
  ),
  { maxKeys: 2 }
)
const sending = fc.record({
  way: fc.constantFrom('bearer', 'presigned'),
  method: fc.constantFrom('GET', 'GET', 'GET', 'PUT', 'PUT', 'HEAD', 'DELETE', 'POST'),
  path: fc.oneof(path, ownPath, { weight: 4, arbitrary: plain }),
  query: fc.oneof(query, { weight: 2, arbitrary: fc.constant({}) }, fc.record({ 'list-type': fc.constant('2'), prefix: text })),
  headers: fc.oneof(
    headers,
    { weight: 2, arbitrary: fc.constant({}) },
    fc.record({
      'x-amz-copy-source': fc.constantFrom(
        `/${TENANT}/a`,
        `${TENANT}/secret`,
        `/${TENANT}/../${OTHER_TENANT}/secret`,
        `/${TENANT}/%2e%2e/${OTHER_TENANT}/secret`
      )
    })
  ),
  body: fc.constantFrom(undefined, '', 'x', `<Delete><Object><Key>../${OTHER_TENANT}/secret</Key></Object></Delete>`)
})

/** What a request to the upstream reaches for: its keys and prefixes, as the upstream reads them. */
function reachedBy({ rawTarget, rawHeaders, document }: (typeof site.store.requests.all)[number]): readonly string[] {
  const [path = '', rawQuery = ''] = rawTarget.split('?')
  const inBucket = decodeURIComponent(path).replace(`/${BUCKET}`, '').replace(/^\//, '')
  const source = rawHeaders[rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'x-amz-copy-source') + 1]
  const copied = rawHeaders.some((name) => name.toLowerCase() === 'x-amz-copy-source')
    ? [decodeURIComponent(source ?? '').replace(`/${BUCKET}/`, '')]
    : []
  const keys = [...(document ?? '').matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key)
  const isTagging = new URLSearchParams(rawQuery).has('tagging')
  const listed = inBucket === '' && document === null ? [new URLSearchParams(rawQuery).get('prefix') ?? ''] : []
  return [...(inBucket === '' ? [] : [inBucket]), ...listed, ...copied, ...(isTagging ? [] : keys)]
}

t.test('with a credential of one tenant, whatever is asked, no key of another is reached and nothing of it is told', async (t) => {
  const kept = site.store.objects(BUCKET)
  await plant(`${OTHER_TENANT}/secret`)
  const before = JSON.stringify([...kept.keys()].filter((key) => !key.startsWith(`${TENANT}/`)))
  const token = await site.token()
  const seen = { answered: 0, reached: 0, done: 0 }
  await fc.assert(
    fc.asyncProperty(sending, async ({ way, method, path, query, headers, body }) => {
      const session = site.session()
      const pairs = Object.entries(query)
      const written = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
      const target =
        way === 'bearer'
          ? `${path}${written === '' ? '' : `?${written}`}`
          : presign({ method, host: site.host, path, credentials: session, at: site.now(), query: pairs, headers })
      const from = site.store.requests.all.length
      const sent = way === 'bearer' ? { ...headers, authorization: `Bearer ${token}` } : headers
      const reply = await site.send({ method, target, headers: sent, ...(body === undefined ? {} : { body }) })
      seen.answered++
      const reached = site.store.requests.all.slice(from).flatMap(reachedBy)
      if (reached.length > 0) seen.reached++
      if (reply.status < 300) seen.done++
      const foreign = reached.filter((name) => !name.startsWith(`${TENANT}/`))
      if (foreign.length > 0) throw new Error(`reached ${JSON.stringify(foreign)}`)
      if (reply.body.includes(SECRET) || JSON.stringify(reply.headers).includes(SECRET)) throw new Error('it was told')
    }),
    { numRuns: 800 }
  )
  t.ok(seen.reached > 40 && seen.done > 40, JSON.stringify(seen))
  t.comment(JSON.stringify(seen))
  t.equal(JSON.stringify([...kept.keys()].filter((key) => !key.startsWith(`${TENANT}/`))), before, 'no key of another tenant came or went')
})
