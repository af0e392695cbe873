import type { Test } from 'tap'
import { seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Caller, Rig } from './rig.ts'
import { sha256 } from './signer.ts'

const TENANT = 'ta-awstag'

/** S-14 for header signatures, S-24: a signature is good for its time, its session and its request. */
export async function signatures(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  await seed(rig, rig.callers.a1, `/${TENANT}/mine`)
  await times(t, rig)
  await sessions(t, rig)
  await grammar(t, rig)
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
