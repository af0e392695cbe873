import type { Test } from 'tap'
import { beginUpload, seed, writes } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Caller, Rig } from './rig.ts'
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

/** S-1, S-2, S-3, S-14 for header signatures, S-24: who calls is proven before anything else is done. */
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

  await times(t, rig)
  await sessions(t, rig)
  await grammar(t, rig)
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

async function times(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const at = (seconds: number): Call => ({
    method: 'PUT',
    target: `/${TENANT}/timed`,
    body: 'x',
    as: a1,
    now: new Date(Date.now() + seconds * 1000)
  })
  await t.test('S-14: a header signature is good for fifteen minutes either way, for the day and service that it names', async (t) => {
    for (const seconds of [-890, 0, 890]) await succeeds(t, rig, `${seconds} s`, at(seconds))
    for (const seconds of [-86_400, -3600, -910, 910, 3600, 86_400 * 365])
      await refused(t, rig, { why: `${seconds} s`, call: at(seconds), code: 'RequestTimeTooSkewed', status: 403 })
    const dated = (headers: Call['headers'], code: string, why: string) =>
      refused(t, rig, { why, call: { ...at(0), headers: headers ?? [] }, code })
    await dated([['x-amz-date', '']], 'AccessDenied', 'an empty date')
    await dated([['x-amz-date', '2026-01-01T00:00:00Z']], 'AccessDenied', 'a date in another writing')
    await dated([['x-amz-date', '20261301T000000Z']], 'AccessDenied', 'a thirteenth month')
    await dated([['x-amz-date', '20260230T000000Z']], 'AccessDenied', 'a thirtieth of February')
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
    await refused(t, rig, {
      why: 'the day of another scope',
      call: { ...at(0), editAuthorization: (text) => text.replace(/\/\d{8}\//, `/${yesterday}/`) },
      code: 'AuthorizationHeaderMalformed'
    })
    await refused(t, rig, {
      why: 'no date at all',
      call: { ...at(0), editHead: (lines) => lines.filter((line) => !line.startsWith('x-amz-date')) },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'two dates',
      call: { ...at(0), editHead: (lines) => [...lines, 'x-amz-date: 20260101T000000Z'] },
      code: 'InvalidRequest'
    })
  })
}

async function sessions(t: Test, rig: Rig): Promise<void> {
  const { a1, a2, b1 } = rig.callers
  const call: Omit<Call, 'as'> = { method: 'PUT', target: `/${TENANT}/mine`, body: 'x' }
  const mixed = (credentials: Partial<Caller['credentials']>): Caller => ({ ...a1, credentials: { ...a1.credentials, ...credentials } })
  const changed = (text: string, at: number): string => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  const token = a1.credentials.sessionToken ?? ''
  const cases: readonly (readonly [string, Caller, string])[] = [
    ['an access key id that was never issued', mixed({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }), 'InvalidAccessKeyId'],
    ['an access key id of another shape', mixed({ accessKeyId: '../../etc/passwd-x' }), 'AuthorizationHeaderMalformed'],
    [
      'an access key id that begins like one of ours',
      mixed({ accessKeyId: a1.credentials.accessKeyId.slice(0, -1) }),
      'InvalidAccessKeyId'
    ],
    ['the secret of another session', mixed({ secretAccessKey: a2.credentials.secretAccessKey }), 'SignatureDoesNotMatch'],
    ['the token of another session', mixed({ sessionToken: b1.credentials.sessionToken }), 'InvalidToken'],
    ['no token', mixed({ sessionToken: null }), 'InvalidAccessKeyId'],
    ['a changed token', mixed({ sessionToken: changed(token, token.length - 30) }), 'InvalidToken'],
    ['a token with a changed head', mixed({ sessionToken: changed(token, 3) }), 'InvalidToken'],
    ['a cut token', mixed({ sessionToken: token.slice(0, 40) }), 'InvalidToken'],
    ['a token that is none', mixed({ sessionToken: 'null' }), 'InvalidToken'],
    ['a token of 30,000 characters', mixed({ sessionToken: 'A'.repeat(30_000) }), 'InvalidToken'],
    ['an expired session', rig.caller('a1', 'team-a', {}, -120), 'ExpiredToken'],
    ['a role that does not exist', rig.caller('a1', 'no-such-role'), 'AccessDenied'],
    ['an issuer that does not exist', rig.caller('a1', 'team-a', { issuer: 'gone' }), 'ExpiredToken']
  ]
  await t.test('S-24: a session is exactly what was issued, or nobody', async (t) => {
    await succeeds(t, rig, 'the session itself', { ...call, as: a1 })
    for (const [why, as, code] of cases) await refused(t, rig, { why, call: { ...call, as }, code })
  })
}

async function grammar(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const call: Call = { method: 'PUT', target: `/${TENANT}/mine`, body: 'x', as: a1 }
  const edits: readonly (readonly [string, (text: string) => string, string])[] = [
    ['Signature Version 2', () => 'AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl', 'InvalidRequest'],
    ['a bearer token beside a session token', () => 'Bearer x.y.z', 'InvalidArgument'],
    ['a basic login', () => 'Basic dXNlcjpwYXNz', 'InvalidArgument'],
    ['an empty header', () => '', 'InvalidArgument'],
    ['the scheme in lower case', (text) => text.replace('AWS4-HMAC-SHA256', 'aws4-hmac-sha256'), 'InvalidArgument'],
    ['another hash', (text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA512'), 'InvalidArgument'],
    ['an elliptic curve', (text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 'NotImplemented'],
    ['two spaces behind the scheme', (text) => text.replace(' Credential', '  Credential'), 'AuthorizationHeaderMalformed'],
    ['a tab behind the scheme', (text) => text.replace(' Credential', '\tCredential'), 'InvalidArgument'],
    ['two spaces behind a comma', (text) => text.replace(', SignedHeaders', ',  SignedHeaders'), 'AuthorizationHeaderMalformed'],
    ['a semicolon for a comma', (text) => text.replace(', Signature', '; Signature'), 'AuthorizationHeaderMalformed'],
    ['a comma at the end', (text) => `${text},`, 'AuthorizationHeaderMalformed'],
    ['a component that S3 does not have', (text) => `${text}, Extra=1`, 'AuthorizationHeaderMalformed'],
    ['a second Signature', (text) => `${text}, Signature=${'0'.repeat(64)}`, 'AuthorizationHeaderMalformed'],
    [
      'a second Credential',
      (text) => text.replace('Credential=', 'Credential=AKIA/1/2/s3/aws4_request, Credential='),
      'AuthorizationHeaderMalformed'
    ],
    ['a component in lower case', (text) => text.replace('Signature=', 'signature='), 'AuthorizationHeaderMalformed'],
    ['no Signature', (text) => text.replace(/, Signature=.*/, ''), 'AuthorizationHeaderMalformed'],
    ['no SignedHeaders', (text) => text.replace(/SignedHeaders=[^,]*, /, ''), 'AuthorizationHeaderMalformed'],
    ['SignedHeaders that are empty', (text) => text.replace(/SignedHeaders=[^,]*/, 'SignedHeaders='), 'AuthorizationHeaderMalformed'],
    ['an empty element among SignedHeaders', (text) => text.replace('host;', 'host;;'), 'AuthorizationHeaderMalformed'],
    ['an empty element at the end of SignedHeaders', (text) => text.replace(', Signature', ';, Signature'), 'AuthorizationHeaderMalformed'],
    ['an upper-case name among SignedHeaders', (text) => text.replace('host;', 'Host;'), 'AuthorizationHeaderMalformed'],
    ['a name twice among SignedHeaders', (text) => text.replace('host;', 'host;host;'), 'AuthorizationHeaderMalformed'],
    ['a signed header that is not there', (text) => text.replace(', Signature', ';zzz, Signature'), 'SignatureDoesNotMatch'],
    [
      'SignedHeaders in another order',
      (text) => text.replace(/SignedHeaders=host;(x-amz-content-sha256)/, 'SignedHeaders=$1;host'),
      'SignatureDoesNotMatch'
    ],
    [
      'an upper-case signature',
      (text) => text.replace(/Signature=([0-9a-f]+)/, (_, hex: string) => `Signature=${hex.toUpperCase()}`),
      'SignatureDoesNotMatch'
    ],
    ['63 digits of a signature', (text) => text.slice(0, -1), 'SignatureDoesNotMatch'],
    ['65 digits of a signature', (text) => `${text}0`, 'SignatureDoesNotMatch'],
    ['a signature of no digits', (text) => text.replace(/Signature=.*/, `Signature=${'z'.repeat(64)}`), 'SignatureDoesNotMatch'],
    ['another terminal', (text) => text.replace('aws4_request', 'aws4_Request'), 'AuthorizationHeaderMalformed'],
    ['another service', (text) => text.replace('/s3/', '/sts/'), 'AuthorizationHeaderMalformed'],
    ['the service in upper case', (text) => text.replace('/s3/', '/S3/'), 'AuthorizationHeaderMalformed'],
    ['another region than was signed for', (text) => text.replace('/local/', '/us-east-1/'), 'SignatureDoesNotMatch'],
    ['a scope with a part too many', (text) => text.replace('/local/', '/local/local/'), 'AuthorizationHeaderMalformed'],
    ['a scope with a part too few', (text) => text.replace('/local/', '/'), 'AuthorizationHeaderMalformed'],
    ['a day in another writing', (text) => text.replace(/\/(\d{4})(\d{2})(\d{2})\//, '/$1-$2-$3/'), 'AuthorizationHeaderMalformed']
  ]
  await t.test('S-24: nothing but plain Signature Version 4 is taken for a signature', async (t) => {
    for (const [why, edit, code] of edits) {
      // Not one of these may be the header itself by accident.
      await refused(t, rig, { why, call: { ...call, editAuthorization: (text) => (edit(text) === text ? 'unchanged' : edit(text)) }, code })
    }
  })
  await t.test('S-24: a header that the client signed is not ignored', async (t) => {
    for (const [name, other] of [
      ['content-type', 'text/html'],
      ['if-none-match', '*'],
      ['content-md5', 'AAAAAAAAAAAAAAAAAAAAAA=='],
      ['cookie', 'x'],
      ['range', 'bytes=0-0']
    ]) {
      const signed: Call = { ...call, headers: [[name ?? '', 'signed-value']] }
      const forged: Call = {
        ...signed,
        editHead: (lines) => lines.map((line) => (line === `${name}: signed-value` ? `${name}: ${other}` : line))
      }
      await refused(t, rig, { why: `${name} with another value`, call: forged, code: 'SignatureDoesNotMatch' })
      const dropped: Call = { ...signed, editHead: (lines) => lines.filter((line) => !line.startsWith(`${name}:`)) }
      await refused(t, rig, { why: `${name} left out`, call: dropped, code: 'SignatureDoesNotMatch' })
    }
    const path: Call = { ...call, editHead: ([line = '', ...lines]) => [line.replace('/mine', '/other'), ...lines] }
    await refused(t, rig, { why: 'another path', call: path, code: 'SignatureDoesNotMatch' })
    const encoded: Call = { ...call, editHead: ([line = '', ...lines]) => [line.replace('/mine', '/%6dine'), ...lines] }
    await refused(t, rig, { why: 'the same key in another encoding', call: encoded, code: 'SignatureDoesNotMatch' })
    const method: Call = {
      method: 'GET',
      target: `/${TENANT}/mine`,
      as: a1,
      editHead: ([line = '', ...lines]) => [line.replace('GET', 'DELETE'), ...lines]
    }
    await refused(t, rig, { why: 'another method', call: method, code: 'SignatureDoesNotMatch' })
    const body: Call = { ...call, payload: sha256('x'), body: 'y' }
    await refused(t, rig, { why: 'another body', call: body, code: 'XAmzContentSHA256Mismatch', status: 400 })
  })
}
