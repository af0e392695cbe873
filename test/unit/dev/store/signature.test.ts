import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { HttpRequest } from '@smithy/types'
import { test } from 'tap'
import { sendRaw, type RawAsk, type Upstream } from '../../../conformance/raw-request.ts'
import { storeForTest } from './store-for-test.ts'

async function presigned(upstream: Upstream, path: string, { expiresIn = 60, at = new Date(), method = 'GET' } = {}): Promise<string> {
  const signer = new SignatureV4({ credentials: upstream, region: upstream.region, service: 's3', sha256: Sha256, uriEscapePath: false })
  const { host } = new URL(upstream.endpoint)
  const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
  const request = { method, protocol: 'http:', hostname: host, path, query: {}, headers } as unknown as HttpRequest
  const signed = await signer.presign(request, {
    expiresIn,
    signingDate: at,
    unhoistableHeaders: new Set(['x-amz-content-sha256']),
    unsignableHeaders: new Set(['x-amz-content-sha256'])
  })
  const query = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`
  )
  return `${path}?${query.join('&')}`
}

async function plainGet(
  upstream: Upstream,
  target: string,
  headers: Record<string, string> = {}
): Promise<{ status: number; text: string }> {
  const answer = await fetch(upstream.endpoint + target, { headers })
  return { status: answer.status, text: await answer.text() }
}

test('a presigned URL reads its object, and nothing else does without a signature', async (t) => {
  const { raw, upstream, store } = await storeForTest(t)
  await raw({ method: 'PUT', target: '/b/k', body: 'hello' })
  t.same(await plainGet(upstream, await presigned(upstream, '/b/k')), { status: 200, text: 'hello' })
  const unsigned = await plainGet(upstream, '/b/k')
  t.equal(unsigned.status, 403)
  t.match(unsigned.text, '<Code>AccessDenied</Code>')
  t.equal(store.requests.all.at(-1)?.errorCode, 'AccessDenied')
})

const PRESIGNED_BAD = [
  { why: 'it is over', options: { expiresIn: 60, at: new Date(Date.now() - 120_000) }, status: 403, code: 'AccessDenied' },
  { why: 'it begins in an hour', options: { at: new Date(Date.now() + 3_600_000) }, status: 403, code: 'AccessDenied' },
  { why: 'it was signed for another method', options: { method: 'PUT' }, status: 403, code: 'SignatureDoesNotMatch' }
]

for (const { why, options, status, code } of PRESIGNED_BAD) {
  test(`a presigned URL is ${code}: ${why}`, async (t) => {
    const { raw, upstream } = await storeForTest(t)
    await raw({ method: 'PUT', target: '/b/k', body: 'hello' })
    const answer = await plainGet(upstream, await presigned(upstream, '/b/k', options))
    t.equal(answer.status, status)
    t.match(answer.text, `<Code>${code}</Code>`)
  })
}

test('a presigned URL with a header that it does not cover is refused', async (t) => {
  const { upstream } = await storeForTest(t)
  const answer = await plainGet(upstream, await presigned(upstream, '/b/k'), { 'x-amz-meta-a': 'b' })
  t.match(answer.text, '<HeadersNotSigned>x-amz-meta-a</HeadersNotSigned>')
})

interface BadHead {
  readonly why: string
  readonly change: (upstream: Upstream) => Upstream
  readonly ask?: Partial<RawAsk>
  readonly refusal: readonly [number, string]
}

const BAD_HEADS: readonly BadHead[] = [
  { why: 'another region', change: (one) => ({ ...one, region: 'us-east-1' }), refusal: [400, 'AuthorizationHeaderMalformed'] },
  { why: 'another key id', change: (one) => ({ ...one, accessKeyId: 'other' }), refusal: [403, 'InvalidAccessKeyId'] },
  { why: 'another secret', change: (one) => ({ ...one, secretAccessKey: 'other' }), refusal: [403, 'SignatureDoesNotMatch'] },
  {
    why: 'signed 16 minutes ago',
    change: (one) => one,
    ask: { signedAt: new Date(Date.now() - 16 * 60_000) },
    refusal: [403, 'RequestTimeTooSkewed']
  },
  {
    why: 'an Authorization that is none',
    change: (one) => one,
    ask: { unsigned: { authorization: 'AWS key:signature' } },
    refusal: [400, 'AuthorizationHeaderMalformed']
  },
  { why: 'an unsigned x-amz header', change: (one) => one, ask: { unsigned: { 'x-amz-tagging': 'a=b' } }, refusal: [403, 'AccessDenied'] },
  {
    why: 'a signed header that was changed on the way',
    change: (one) => one,
    ask: { headers: { 'x-amz-meta-a': '1' }, unsigned: { 'x-amz-meta-a': '2' } },
    refusal: [403, 'SignatureDoesNotMatch']
  }
]

for (const { why, change, ask, refusal } of BAD_HEADS) {
  test(`a put is refused with ${refusal[1]} and stores nothing: ${why}`, async (t) => {
    const { store, upstream } = await storeForTest(t)
    const answer = await sendRaw(change(upstream), { method: 'PUT', target: '/b/k', body: 'x', ...ask })
    t.same([answer.status, answer.code], refusal)
    t.equal(store.objects('b').size, 0)
  })
}

test('the error for another region names the right one', async (t) => {
  const { upstream } = await storeForTest(t)
  t.match((await sendRaw({ ...upstream, region: 'us-east-1' }, { method: 'GET', target: '/b' })).text, '<Region>eu-test-1</Region>')
})

test('a virtual-hosted request reaches the bucket of its host', async (t) => {
  const { raw, store } = await storeForTest(t, { virtualHostDomain: 's3.test' })
  const answer = await raw({ method: 'PUT', target: '/folder/k', host: `b.s3.test:${store.port}`, body: 'x' })
  t.equal(answer.status, 200, answer.text)
  t.same([...store.objects('b').keys()], ['folder/k'])
  const listed = await raw({ method: 'GET', target: '/?list-type=2', host: 'b.s3.test' })
  t.match(listed.text, '<Key>folder/k</Key>')
})

test('without a domain every host is path style', async (t) => {
  const { raw, store } = await storeForTest(t)
  await raw({ method: 'PUT', target: '/b/k', host: 'other.s3.test', body: 'x' })
  t.same([...store.objects('b').keys()], ['k'])
})
