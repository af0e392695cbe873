import type { Test } from 'tap'
import { seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

const TENANT = 'ta-awstag'

/** S-8, S-19: a request has the headers that were listed and no others. */
export async function headers(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  await seed(rig, rig.callers.a1, `/${TENANT}/mine`)
  await rules(t, rig)
  await controls(t, rig)
}

async function rules(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  await t.test('S-9: a method that S3 does not have is refused', async (t) => {
    for (const method of [
      'OPTIONS',
      'PATCH',
      'TRACE',
      'get',
      'Put',
      'PROPFIND',
      'MOVE',
      'COPY',
      'LINK',
      'PURGE',
      'QUERY',
      'GETX',
      'CONNECT'
    ]) {
      const before = rig.state()
      const { status, upstream } = await rig.send({ method, target: `/${TENANT}/mine`, as: a1 })
      t.same([status === 405 || status === 400, upstream, rig.state() === before], [true, [], true], `${method}: ${status}`)
    }
  })
  await t.test('S-8: a trailer of HTTP’s own chunks is no header', async (t) => {
    const trailer = Buffer.from(
      `3\r\n1\r\n\r\n1\r\nx\r\n5\r\n\r\n0\r\n\r\n2\r\n\r\n\r\n0\r\nx-amz-tagging: service=a2\r\nx-amz-meta-late: x\r\n\r\n`
    )
    const call: Call = {
      method: 'PUT',
      target: `/${TENANT}/trailed`,
      as: a1,
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      headers: [
        ['x-amz-decoded-content-length', '1'],
        ['Transfer-Encoding', 'chunked'],
        ['Trailer', 'x-amz-tagging']
      ],
      bodyFrom: () => trailer
    }
    const { upstream } = await succeeds(t, rig, 'it is left out', call)
    t.notMatch(upstream.map(({ rawHeaders }) => rawHeaders.join()).join(), /service=a2|x-amz-meta-late/)
  })
  const put = (more: Partial<Call>): Call => ({ method: 'PUT', target: `/${TENANT}/headed`, body: 'x', as: a1, ...more })
  await t.test('S-8: a header that decides something may come once only', async (t) => {
    for (const name of [
      'host',
      'x-amz-date',
      'x-amz-content-sha256',
      'x-amz-security-token',
      'x-amz-tagging',
      'x-amz-copy-source',
      'x-amz-storage-class',
      'x-amz-decoded-content-length',
      'content-md5',
      'content-type',
      'x-amz-acl',
      'x-amz-trailer',
      'x-amz-checksum-crc32',
      'x-amz-expected-bucket-owner',
      'date',
      'expect'
    ]) {
      const [plain = '', upper = ''] = [
        name,
        name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
      ]
      const call = put({
        editHead: (lines) => [...lines.filter((line) => !line.toLowerCase().startsWith(`${name}:`)), `${plain}: 1`, `${upper}: 2`]
      })
      await refused(t, rig, { why: `two ${name}`, call, code: 'InvalidRequest' })
    }
  })
  await t.test('S-8: a name with an underscore is no other spelling of a name with a hyphen', async (t) => {
    for (const name of [
      'x_amz_tagging',
      'x-amz_copy-source',
      'Content_Length',
      'X_Forwarded_For',
      'transfer_encoding',
      'Authorization_',
      '__proto__',
      'constructor_',
      'x_amz_meta_note'
    ]) {
      await refused(t, rig, { why: name, call: put({ headers: [[name, 'x']] }), code: 'InvalidRequest' })
    }
    for (const name of ['x-amz-meta-sluice_service', 'x-amz-meta-sluice_upload', 'X-Amz-Meta-Sluice_Service']) {
      await refused(t, rig, { why: name, call: put({ headers: [[name, 'somebody']] }), code: 'AccessDenied' })
    }
    await succeeds(t, rig, 'metadata may have one', put({ headers: [['x-amz-meta-my_note', 'x']] }))
  })
  await t.test('S-8: names that mean something to the language and nothing to S3 are no headers here', async (t) => {
    const { upstream } = await succeeds(
      t,
      rig,
      'they are left out',
      put({
        headers: [
          ['constructor', 'x'],
          ['toString', 'x'],
          ['hasOwnProperty', 'x'],
          ['proto', 'x']
        ]
      })
    )
    t.notOk(upstream.some(({ rawHeaders }) => rawHeaders.some((name) => /^(constructor|tostring|hasownproperty|proto)$/i.test(name))))
  })
  await t.test('S-8: Connection takes away nothing that the proxy adds, and hop-by-hop headers end here', async (t) => {
    for (const value of [
      'authorization, x-amz-tagging, x-amz-meta-sluice-service, x-amz-date, host',
      'close, x-amz-content-sha256',
      'x-amz-tagging',
      'upgrade'
    ]) {
      const hop: Call['headers'] = [
        ['Connection', value],
        ['Keep-Alive', 'x'],
        ['TE', 'trailers'],
        ['Proxy-Authorization', 'x'],
        ['Proxy-Connection', 'x'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'x'],
        ['Trailer', 'x']
      ]
      const { upstream } = await succeeds(t, rig, value, put({ headers: hop }))
      const sent = upstream.find(({ method }) => method === 'PUT')?.rawHeaders ?? []
      const names = sent.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
      t.ok(['authorization', 'x-amz-tagging', 'x-amz-meta-sluice-service', 'x-amz-date'].every((name) => names.includes(name)))
      t.notOk(
        names.some((name) =>
          ['proxy-authorization', 'proxy-connection', 'upgrade', 'http2-settings', 'te', 'trailer', 'keep-alive'].includes(name)
        )
      )
    }
  })
  await t.test('S-8: only the hidden marks of the proxy itself are ever sent', async (t) => {
    for (const name of [
      'x-amz-meta-sluice-service',
      'X-AMZ-META-SLUICE-SERVICE',
      'x-amz-meta-Sluice-Upload',
      'x-amz-meta-sluice-',
      'x-amz-meta-sluice-anything'
    ]) {
      for (const [method, target] of [
        ['PUT', 'headed'],
        ['POST', 'headed?uploads']
      ] as const) {
        const call: Call = {
          method,
          target: `/${TENANT}/${target}`,
          as: a1,
          headers: [[name, 'system:serviceaccount:zq-team:a2']],
          ...(method === 'PUT' && { body: 'x' })
        }
        await refused(t, rig, { why: `${method} with ${name}`, call, code: 'AccessDenied' })
      }
    }
  })
  await t.test('S-8: a head that is too large is refused', async (t) => {
    for (const [why, more] of [
      ['one header', [['x-amz-meta-a', 'a'.repeat(40_000)]]],
      ['more headers than are read', Array.from({ length: 257 }, (_, index) => [`x-amz-meta-k${index}`, 'v'])],
      ['many headers', Array.from({ length: 600 }, (_, index) => [`x-amz-meta-${index}`, 'a'.repeat(60)])]
    ] as const) {
      await refused(t, rig, {
        why,
        call: put({ headers: more as unknown as Call['headers'] & object }),
        code: 'RequestHeaderSectionTooLarge'
      })
    }
    const many = Array.from({ length: 150 }, (_, index): [string, string] => [`x-amz-meta-k${index}`, 'v'])
    const { upstream } = await succeeds(t, rig, '150 small ones are all taken', put({ headers: many }))
    t.equal(upstream.find(({ method }) => method === 'PUT')?.rawHeaders.filter((name) => /^x-amz-meta-k\d/.test(name)).length, 150)
    await refused(t, rig, {
      why: 'more metadata than S3 stores',
      call: put({ headers: [['x-amz-meta-a', 'a'.repeat(2048)]] }),
      code: 'MetadataTooLarge'
    })
  })
}

/** Headers by which a client would speak to the upstream and not to S3. A code: refused. `null`: without effect. */
const CONTROLS: readonly (readonly [name: string, value: string, code: string | null])[] = [
  ['x-amz-meta-snowball-auto-extract', 'true', 'NotImplemented'],
  ['X-Amz-Meta-Snowball-Auto-Extract', 'true', 'NotImplemented'],
  ['x-amz-meta-snowball_auto_extract', 'true', 'NotImplemented'],
  ['x-amz-bypass-governance-retention', 'true', 'NotImplemented'],
  ['x-amz-website-redirect-location', '/x', 'NotImplemented'],
  ['x-amz-object-lock-mode', 'COMPLIANCE', 'NotImplemented'],
  ['x-amz-object-lock-retain-until-date', '2099-01-01T00:00:00Z', 'NotImplemented'],
  ['x-amz-object-lock-legal-hold', 'ON', 'NotImplemented'],
  ['x-amz-replication-status', 'REPLICA', 'NotImplemented'],
  ['x-amz-server-side-encryption-customer-algorithm', 'AES256', 'NotImplemented'],
  ['x-amz-server-side-encryption', 'aws:kms', 'AccessDenied'],
  ['x-amz-write-offset-bytes', '0', 'NotImplemented'],
  ['x-amz-rename-source', '/tb-awstag/secret', 'NotImplemented'],
  ['x-amz-mfa', '1 2', 'NotImplemented'],
  ['x-amz-fwd-status', '200', 'NotImplemented'],
  ['x-amz-request-route', 'x', 'NotImplemented'],
  ['x-amz-s3session-token', 'x', 'NotImplemented'],
  ['x-amz-never-heard-of', 'x', 'NotImplemented'],
  ['x-amz-', 'x', 'NotImplemented'],
  ['x-amz-acl', 'public-read', 'AccessControlListNotSupported'],
  ['x-amz-acl', 'PUBLIC-READ-WRITE', 'AccessControlListNotSupported'],
  ['x-amz-grant-full-control', 'id=x', 'AccessControlListNotSupported'],
  ['x-amz-grant-anything', 'id=x', 'AccessControlListNotSupported'],
  ['x-amz-storage-class', 'MADE-UP', 'InvalidStorageClass'],
  ['x-amz-expected-bucket-owner', '123456789012', 'AccessDenied'],
  ['x-minio-source-replication-request', 'true', null],
  ['X-Minio-Replication-Actual-Object-Size', '1', null],
  ['x-minio-source-mtime', '2001-01-01T00:00:00Z', null],
  ['x-minio-source-etag', 'x', null],
  ['x-minio-internal-anything', 'x', null],
  ['x-minio-extract', 'true', null],
  ['x-minio-force-delete', 'true', null],
  ['x-rgw-object-type', 'x', null],
  ['x-goog-if-generation-match', '0', null],
  ['x-goog-acl', 'public-read', null],
  ['x-cos-acl', 'public-read', null],
  ['x-oss-object-acl', 'public-read', null],
  ['x-emc-namespace', 'x', null],
  ['x-http-method-override', 'DELETE', null],
  ['x-original-url', '/tb-awstag/secret', null],
  ['x-rewrite-url', '/tb-awstag/secret', null],
  ['x-forwarded-host', 'tb-awstag.s3.zq.test', null],
  ['cookie', 'x=y', null],
  ['if-range', 'x', null]
]

async function controls(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  for (const tenant of ['ta-awstag', 'ta-miniotag']) {
    await t.test(`S-19: a header that is meant for the upstream behind the proxy does not reach it (${tenant})`, async (t) => {
      for (const [name, value, code] of CONTROLS) {
        // MinIO knows most of them, so it is asked in every way.
        const ways = [
          ['PUT', 'controlled'],
          ['POST', 'controlled?uploads'],
          ['DELETE', 'nothing-there'],
          ['GET', 'nothing-there']
        ] as const
        for (const [method, key] of tenant === 'ta-miniotag' ? ways : ways.slice(0, 1)) {
          const call: Call = {
            method,
            target: `/${tenant}/${key}`,
            as: a1,
            headers: [[name, value]],
            ...(method === 'PUT' && { body: 'x' })
          }
          if (code !== null) {
            // What an operation does not list is refused as not known to it, whatever its value.
            const listed =
              method === 'PUT' ||
              method === 'POST' ||
              !['x-amz-server-side-encryption', 'x-amz-storage-class', 'x-amz-meta-snowball_auto_extract'].includes(name)
            await refused(t, rig, { why: `${method} with ${name}: ${value}`, call, code: listed ? code : 'NotImplemented' })
            continue
          }
          const { upstream, status } = await rig.send(call)
          t.same(
            [method === 'GET' ? 404 : method === 'DELETE' ? 204 : 200, []],
            [status, upstream.filter(({ rawHeaders }) => rawHeaders.some((header) => header.toLowerCase() === name.toLowerCase()))],
            `${method} with ${name}`
          )
        }
      }
    })
  }
}
