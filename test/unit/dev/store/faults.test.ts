import { get } from 'node:http'
import { test } from 'tap'
import { Gate, type FaultAction } from '../../../../proxy/dev/store/faults.ts'
import { signedHeaders, type RawAnswer } from '../../../conformance/raw-request.ts'
import { storeForTest, type TestStore } from './store-for-test.ts'

const put = ({ raw }: TestStore, body: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  raw({ method: 'PUT', target: '/b/k', body, headers })

async function contents({ store }: TestStore, key = 'k'): Promise<string | null> {
  const [newest] = store.objects('b').get(key) ?? []
  return newest === undefined ? null : (await newest.read()).toString()
}

/** The code of the error with which a connection broke. */
async function broken(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'answered'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

test('a dropped request is reset and takes no effect, once', async (t) => {
  const one = await storeForTest(t)
  one.store.faults.add({ operation: 'PutObject', times: 1, action: { kind: 'drop' } })
  t.equal(await broken(put(one, 'lost')), 'ECONNRESET')
  t.equal(await contents(one), null)
  t.equal((await put(one, 'second')).status, 200)
  t.same(
    one.store.requests.of('PutObject').map(({ status, effective }) => [status, effective]),
    [
      [null, false],
      [200, true]
    ]
  )
})

test('a lost answer is a reset after the effect', async (t) => {
  const one = await storeForTest(t)
  one.store.faults.add({ operation: 'PutObject', action: { kind: 'loseAnswer' } })
  t.equal(await broken(put(one, 'stored')), 'ECONNRESET')
  t.equal(await contents(one), 'stored')
})

test('a late request takes effect when it is let go, though its client is long gone', async (t) => {
  const one = await storeForTest(t)
  const gate = new Gate()
  one.store.faults.add({ operation: 'DeleteObject', times: 1, action: { kind: 'late', gate } })
  await put(one, 'first')
  const answer = broken(one.raw({ method: 'DELETE', target: '/b/k' }))
  await gate.arrived()
  await put(one, 'second')
  t.equal(await contents(one), 'second')
  gate.open()
  t.equal(await answer, 'ECONNRESET')
  t.equal(await contents(one), null)
})

test('requests held before their effect take it in the order in which they are let go', async (t) => {
  const one = await storeForTest(t)
  const gate = new Gate()
  one.store.faults.add({ operation: 'PutObject', action: { kind: 'hold', gate, at: 'effect' } })
  const first = put(one, 'first', { 'if-none-match': '*' })
  await gate.arrived(1)
  const second = put(one, 'second', { 'if-none-match': '*' })
  await gate.arrived(2)
  t.equal(await contents(one), null, 'nothing happens while they wait')
  gate.releaseOne(1)
  t.equal((await second).status, 200)
  gate.releaseOne()
  t.equal((await first).status, 412, 'the condition is judged at the effect')
  t.equal(await contents(one), 'second')
})

test('a request held at its answer has taken effect', async (t) => {
  const one = await storeForTest(t)
  const gate = new Gate()
  one.store.faults.add({ operation: 'PutObject', action: { kind: 'hold', gate, at: 'answer' } })
  const answer = put(one, 'stored')
  await gate.arrived()
  t.equal(await contents(one), 'stored')
  t.same(
    gate.waiting.map(({ key, operation }) => [key, operation]),
    [['k', 'PutObject']]
  )
  gate.open()
  t.equal((await answer).status, 200)
})

test('a truncated answer has a whole head and a body that breaks off', async (t) => {
  const one = await storeForTest(t)
  await put(one, '0123456789')
  one.store.faults.add({ operation: 'GetObject', action: { kind: 'truncate', bytes: 4 } })
  const answer = await fetchRaw(one)
  t.equal(answer.length, '10')
  t.equal(answer.body, '0123')
  t.equal(answer.whole, false)
})

async function fetchRaw({ upstream }: TestStore): Promise<{ length: string; body: string; whole: boolean }> {
  const headers = await signedHeaders(upstream, { method: 'GET', target: '/b/k' }, Buffer.alloc(0))
  return new Promise((resolve, reject) => {
    const request = get(`${upstream.endpoint}/b/k`, { headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (piece: Buffer) => (body += piece.toString()))
      response.on('error', () => undefined)
      response.on('close', () => resolve({ length: response.headers['content-length'] ?? '', body, whole: response.complete }))
    })
    request.on('error', reject)
  })
}

const REFUSALS: readonly { readonly action: FaultAction; readonly status: number; readonly stored: string | null }[] = [
  { action: { kind: 'refuse', code: 'SlowDown' }, status: 503, stored: null },
  { action: { kind: 'refuse', code: 'InternalError' }, status: 500, stored: null },
  { action: { kind: 'refuse', code: 'InternalError', afterEffect: true }, status: 500, stored: 'x' },
  { action: { kind: 'refuse', code: 'ConditionalRequestConflict' }, status: 409, stored: null }
]

for (const { action, status, stored } of REFUSALS) {
  test(`a refusal on demand is ${status} and ${stored === null ? 'stores nothing' : 'has stored all the same'}`, async (t) => {
    const one = await storeForTest(t)
    one.store.faults.add({ operation: 'PutObject', action })
    t.equal((await put(one, 'x')).status, status)
    t.equal(await contents(one), stored)
  })
}

test('a rule may choose by key, by a test of its own and by which of the matching requests it is', async (t) => {
  const one = await storeForTest(t)
  const slow: FaultAction = { kind: 'refuse', code: 'SlowDown' }
  const undo = one.store.faults.add({ key: 'k', nth: 2, action: slow })
  one.store.faults.add({ where: ({ rawHeaders }) => rawHeaders.includes('x-amz-meta-odd'), action: slow })
  t.same([(await put(one, 'a')).status, (await put(one, 'b')).status, (await put(one, 'c')).status], [200, 503, 200])
  t.equal((await put(one, 'd', { 'x-amz-meta-odd': '1' })).status, 503)
  undo()
  t.equal((await put(one, 'e')).status, 200)
})
