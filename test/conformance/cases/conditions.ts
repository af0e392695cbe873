import assert from 'node:assert/strict'
import { expectRefusal, type Bench, type Case } from '../case.ts'

const PAST = 'Mon, 01 Jan 2001 00:00:00 GMT'
const OTHER = '"00000000000000000000000000000000"'

interface ReadRow {
  readonly id: string
  readonly title: string
  readonly headers: (etag: string) => Record<string, string>
  readonly status: number
}

const READS: readonly ReadRow[] = [
  { id: 'match', title: 'If-Match with the right ETag', headers: (etag) => ({ 'if-match': etag }), status: 200 },
  { id: 'match-other', title: 'If-Match with another ETag', headers: () => ({ 'if-match': OTHER }), status: 412 },
  { id: 'none-match', title: 'If-None-Match with the ETag', headers: (etag) => ({ 'if-none-match': etag }), status: 304 },
  { id: 'none-match-other', title: 'If-None-Match with another ETag', headers: () => ({ 'if-none-match': OTHER }), status: 200 },
  {
    id: 'match-beats-unmodified',
    title: 'If-Match that holds beside If-Unmodified-Since that fails',
    headers: (etag) => ({ 'if-match': etag, 'if-unmodified-since': PAST }),
    status: 200
  },
  {
    id: 'match-fails-first',
    title: 'If-Match that fails beside If-None-Match that would be 304',
    headers: (etag) => ({ 'if-match': OTHER, 'if-none-match': etag }),
    status: 412
  },
  {
    id: 'none-match-beats-modified',
    title: 'If-None-Match that hits beside If-Modified-Since that passes',
    headers: (etag) => ({ 'if-none-match': etag, 'if-modified-since': PAST }),
    status: 304
  },
  { id: 'unmodified-since', title: 'If-Unmodified-Since in the past', headers: () => ({ 'if-unmodified-since': PAST }), status: 412 }
]

const readCases = ['GET', 'HEAD'].flatMap((method) =>
  READS.map(({ id, title, headers, status }): Case => ({
    id: `read-${id}-${method.toLowerCase()}`,
    title: `${title} makes ${method} answer ${status}`,
    async run(bench) {
      const etag = await bench.put('k', 'x')
      const answer = await bench.raw({ method, target: bench.path(), headers: headers(etag) })
      assert.equal(answer.status, status)
      if (status === 304) assert.deepEqual([answer.headers.get('etag'), answer.body.length], [etag, 0])
    }
  }))
)

async function put(bench: Bench, headers: Record<string, string>, body = 'new'): Promise<readonly [number, string]> {
  const answer = await bench.raw({ method: 'PUT', target: bench.path(), headers, body })
  return [answer.status, answer.code]
}

async function bodyNow(bench: Bench, name = 'k'): Promise<string> {
  return (await bench.raw({ method: 'GET', target: bench.path(name) })).text
}

/** Conditions of reads and of writes. */
export const CONDITION_CASES: readonly Case[] = [
  ...readCases,
  {
    id: 'put-none-match',
    title: 'a put with If-None-Match: * stores where nothing is and is refused where something is',
    async run(bench) {
      assert.deepEqual(await put(bench, { 'if-none-match': '*' }, 'first'), [200, ''])
      assert.deepEqual(await put(bench, { 'if-none-match': '*' }), [412, 'PreconditionFailed'])
      assert.equal(await bodyNow(bench), 'first')
    }
  },
  {
    id: 'put-match',
    title: 'a put with If-Match stores only over that ETag',
    async run(bench) {
      const etag = await bench.put('k', 'old')
      assert.deepEqual(await put(bench, { 'if-match': OTHER }), [412, 'PreconditionFailed'])
      assert.equal(await bodyNow(bench), 'old')
      assert.deepEqual(await put(bench, { 'if-match': etag }), [200, ''])
      assert.equal(await bodyNow(bench), 'new')
    }
  },
  {
    id: 'put-match-missing',
    title: 'a put with If-Match of a missing key is NoSuchKey',
    async run(bench) {
      assert.deepEqual(await put(bench, { 'if-match': OTHER }), [404, 'NoSuchKey'])
    }
  },
  {
    id: 'put-none-match-etag',
    title: 'a put with If-None-Match and an ETag is NotImplemented',
    async run(bench) {
      await bench.put('k', 'old')
      assert.deepEqual(await put(bench, { 'if-none-match': OTHER }), [501, 'NotImplemented'])
    }
  },
  {
    id: 'put-none-match-race',
    title: 'of several puts with If-None-Match: * at once exactly one stores',
    async run(bench) {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => put(bench, { 'if-none-match': '*' }, `body ${index}`)))
      const winners = answers.flatMap(([status], index) => (status === 200 ? [index] : []))
      assert.equal(winners.length, 1)
      assert.equal(await bodyNow(bench), `body ${winners[0]}`)
    }
  },
  {
    id: 'copy-none-match',
    title: 'a copy with If-None-Match: * does not overwrite',
    async run(bench) {
      await bench.put('source', 'source')
      await bench.put('k', 'old')
      const headers = { 'x-amz-copy-source': bench.path('source'), 'if-none-match': '*' }
      expectRefusal(await bench.raw({ method: 'PUT', target: bench.path(), headers }), 412, 'PreconditionFailed')
      assert.equal(await bodyNow(bench), 'old')
    }
  },
  {
    id: 'copy-match',
    title: 'a copy with If-Match overwrites only that ETag',
    async run(bench) {
      await bench.put('source', 'source')
      const etag = await bench.put('k', 'old')
      const headers = { 'x-amz-copy-source': bench.path('source') }
      const other = await bench.raw({ method: 'PUT', target: bench.path(), headers: { ...headers, 'if-match': OTHER } })
      expectRefusal(other, 412, 'PreconditionFailed')
      assert.equal((await bench.raw({ method: 'PUT', target: bench.path(), headers: { ...headers, 'if-match': etag } })).status, 200)
      assert.equal(await bodyNow(bench), 'source')
    }
  },
  {
    id: 'copy-source-match',
    title: 'a copy whose source has another ETag than asked stores nothing',
    async run(bench) {
      const etag = await bench.put('source', 'source')
      const headers = { 'x-amz-copy-source': bench.path('source') }
      const other = await bench.raw({ method: 'PUT', target: bench.path(), headers: { ...headers, 'x-amz-copy-source-if-match': OTHER } })
      expectRefusal(other, 412, 'PreconditionFailed')
      assert.equal(await bench.status(), 404)
      const right = await bench.raw({ method: 'PUT', target: bench.path(), headers: { ...headers, 'x-amz-copy-source-if-match': etag } })
      assert.equal(right.status, 200, right.text)
    }
  },
  {
    id: 'delete-match',
    title: 'a delete with If-Match deletes only that ETag',
    async run(bench) {
      const etag = await bench.put('k', 'old')
      expectRefusal(await bench.raw({ method: 'DELETE', target: bench.path(), headers: { 'if-match': OTHER } }), 412, 'PreconditionFailed')
      assert.equal(await bench.status(), 200)
      assert.equal((await bench.raw({ method: 'DELETE', target: bench.path(), headers: { 'if-match': etag } })).status, 204)
      assert.equal(await bench.status(), 404)
    }
  }
]
