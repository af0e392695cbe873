import type { Test } from 'tap'
import { beginUpload, seed, writes } from './calls.ts'
import { refused } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { presign, sha256 } from './signer.ts'

const TENANT = 'ta-awstag'

const MODES = [
  ['the hash of the body', (body: string) => sha256(body)],
  ['UNSIGNED-PAYLOAD', () => 'UNSIGNED-PAYLOAD'],
  ['an unsigned trailer', () => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ['signed chunks', () => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
  ['signed chunks and trailer', () => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'],
  ['no word of the payload', () => null]
] as const

/** S-1, S-2, S-3: who calls is proven before anything else is done. */
export async function credentials(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, b1 } = rig.callers
  await seed(rig, a1, `/${TENANT}/mine`)
  await seed(rig, a1, `/${TENANT}/source`)
  const { uploadId } = await beginUpload(rig, a1, `/${TENANT}/mine`)
  const operations = writes(TENANT, 'mine', { uploadId, source: `/${TENANT}/source` })

  for (const [mode, payloadOf] of MODES) {
    await t.test(`S-1, S-2: with ${mode}, no write is done on a signature that is missing, false or double`, async (t) => {
      for (const [name, shape] of operations) {
        const payload = payloadOf(shape.body === undefined ? '' : String(shape.body))
        const framing = payload?.startsWith('STREAMING') === true ? framingHeaders(payload) : []
        const headers = [...(shape.headers ?? []), ...framing]
        const base: Call = { ...shape, headers, payload, as: a1 }
        await refused(t, rig, {
          why: `${name}, false header`,
          call: { ...base, editAuthorization: falsified },
          code: 'SignatureDoesNotMatch'
        })
        const host: readonly [string, string][] = [['host', `127.0.0.1:${rig.port}`]]
        const signedNow = { now: new Date(), payload: null }
        const query = presign({ method: shape.method, target: shape.target, headers: host }, a1.credentials, signedNow)
        const unsigned: Call = { ...base, as: null, headers: payload === null ? headers : [...headers, ['x-amz-content-sha256', payload]] }
        const falseQuery = query.slice(0, -1) + (query.endsWith('0') ? '1' : '0')
        // A URL covers no x-amz-* header that it does not name, and this one says that the body is not signed.
        const isBare = !headers.some(([header]) => header.startsWith('x-amz-'))
        const code = isBare ? 'SignatureDoesNotMatch' : 'AccessDenied'
        await refused(t, rig, { why: `${name}, false query`, call: { ...unsigned, target: falseQuery }, code })
        if (isBare && (payload === null || payload === 'UNSIGNED-PAYLOAD')) {
          const byStranger = presign({ method: shape.method, target: shape.target, headers: host }, b1.credentials, signedNow)
          await refused(t, rig, { why: `${name}, another’s query`, call: { ...unsigned, target: byStranger }, code: 'AccessDenied' })
        } else {
          await refused(t, rig, { why: `${name}, true query, changed after it`, call: { ...unsigned, target: query }, code })
        }
        await refused(t, rig, { why: `${name}, unsigned`, call: unsigned, code: 'AccessDenied', status: 403 })
        await refused(t, rig, { why: `${name}, header and query`, call: { ...base, target: query }, code: 'InvalidArgument' })
      }
    })
  }

  await t.test('S-1: a payload word that S3 does not have is refused, signed as it may be', async (t) => {
    const words = [
      ['STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 'NotImplemented'],
      ['STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER', 'NotImplemented'],
      ['STREAMING-UNSIGNED-PAYLOAD', 'InvalidArgument'],
      ['unsigned-payload', 'InvalidArgument'],
      ['UNSIGNED-PAYLOAD-TRAILER', 'InvalidArgument'],
      ['STREAMING-UNSIGNED-PAYLOAD-TRAILER,UNSIGNED-PAYLOAD', 'InvalidArgument'],
      [sha256('x').toUpperCase(), 'InvalidArgument'],
      [sha256('x').slice(1), 'InvalidArgument'],
      ['', 'InvalidArgument']
    ] as const
    for (const [payload, code] of words) {
      await refused(t, rig, {
        why: JSON.stringify(payload),
        call: { method: 'PUT', target: `/${TENANT}/mine`, body: 'x', payload, as: a1 },
        code
      })
    }
  })

  await t.test('S-2: every other way to name a signer beside the header is refused', async (t) => {
    for (const parameter of [
      'X-Amz-Signature=0',
      'x-amz-signature=0',
      'X-Amz-Credential=AKIA',
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      '%58-Amz-Signature=0',
      'AWSAccessKeyId=AKIA',
      'Signature=0',
      '%53ignature=0',
      'X-Amz-Expires=1'
    ]) {
      await refused(t, rig, {
        why: parameter,
        call: { method: 'PUT', target: `/${TENANT}/mine?${parameter}`, body: 'x', as: a1 },
        code: 'InvalidArgument'
      })
    }
    await refused(t, rig, {
      why: 'two Authorization headers',
      call: { method: 'PUT', target: `/${TENANT}/mine`, body: 'x', as: a1, editHead: (lines) => [...lines, 'Authorization: AWS AKIA:x'] },
      code: 'InvalidRequest'
    })
    for (const parameter of [
      'X-Amz-Security-Token=x',
      'X-Amz-Date=20260101T000000Z',
      'X-Amz-Content-Sha256=UNSIGNED-PAYLOAD',
      'X-Amz-SignedHeaders=host'
    ]) {
      const code = parameter.startsWith('X-Amz-SignedHeaders') ? 'InvalidArgument' : 'NotImplemented'
      await refused(t, rig, { why: parameter, call: { method: 'PUT', target: `/${TENANT}/mine?${parameter}`, body: 'x', as: a1 }, code })
    }
  })

  await t.test('S-3: an x-amz-* header that was put in after signing is refused, whatever it is', async (t) => {
    for (const [name, value] of ADDED) {
      for (const written of [name, name.toUpperCase()]) {
        const call: Call = {
          method: 'PUT',
          target: `/${TENANT}/mine`,
          body: 'x',
          as: a1,
          headers: [[written, value]],
          leaveUnsigned: [name]
        }
        const { text } = await refused(t, rig, { why: written, call, code: 'AccessDenied', status: 403 })
        t.match(text, `<HeadersNotSigned>${name}</HeadersNotSigned>`, 'and named')
      }
    }
    const hostless: Call = { method: 'PUT', target: `/${TENANT}/mine`, body: 'x', as: a1, leaveUnsigned: ['host'] }
    await refused(t, rig, { why: 'host', call: hostless, code: 'AccessDenied' })
    for (const name of ['x-amz-date', 'x-amz-security-token']) {
      const call: Call = { method: 'GET', target: `/${TENANT}/mine`, as: a1, leaveUnsigned: [name] }
      await refused(t, rig, { why: `${name} on a read`, call, code: 'AccessDenied' })
    }
  })

  await t.test('S-3: an x-amz-* header that was moved into the query is refused, signed as it is', async (t) => {
    for (const [name, value] of ADDED) {
      for (const written of [name, name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())]) {
        const call: Call = { method: 'PUT', target: `/${TENANT}/mine?${written}=${encodeURIComponent(value)}`, body: 'x', as: a1 }
        await refused(t, rig, { why: written, call, code: 'NotImplemented', status: 501 })
      }
    }
  })
}

/** Headers that would change what a PUT does. */
const ADDED: readonly (readonly [string, string])[] = [
  ['x-amz-tagging', 'service=somebody'],
  ['x-amz-copy-source', '/tb-awstag/secret'],
  ['x-amz-copy-source-range', 'bytes=0-1'],
  ['x-amz-acl', 'public-read'],
  ['x-amz-grant-read', 'uri=http://acs.amazonaws.com/groups/global/AllUsers'],
  ['x-amz-meta-note', 'x'],
  ['x-amz-object-lock-mode', 'COMPLIANCE'],
  ['x-amz-object-lock-retain-until-date', '2099-01-01T00:00:00Z'],
  ['x-amz-server-side-encryption', 'aws:kms'],
  ['x-amz-server-side-encryption-customer-key', 'a2V5'],
  ['x-amz-storage-class', 'GLACIER'],
  ['x-amz-metadata-directive', 'REPLACE'],
  ['x-amz-tagging-directive', 'REPLACE'],
  ['x-amz-website-redirect-location', 'http://evil.example/'],
  ['x-amz-decoded-content-length', '1'],
  ['x-amz-trailer', 'x-amz-checksum-crc32'],
  ['x-amz-checksum-crc32', 'AAAAAA=='],
  ['x-amz-sdk-checksum-algorithm', 'CRC32'],
  ['x-amz-bypass-governance-retention', 'true'],
  ['x-amz-request-payer', 'requester'],
  ['x-amz-user-agent', 'x']
]

function falsified(authorization: string): string {
  const last = authorization.slice(-1)
  return authorization.slice(0, -1) + (last === '0' ? '1' : '0')
}

function framingHeaders(payload: string): [string, string][] {
  const headers: [string, string][] = [
    ['x-amz-decoded-content-length', '11'],
    ['content-encoding', 'aws-chunked']
  ]
  if (payload.endsWith('-TRAILER')) headers.push(['x-amz-trailer', 'x-amz-checksum-crc32'])
  return headers
}
