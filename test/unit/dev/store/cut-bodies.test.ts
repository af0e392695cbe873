import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { signedHeaders, type RawAsk } from '../../../conformance/raw-request.ts'
import { storeForTest, type TestStore } from './store-for-test.ts'

/** Sends a head and only some bytes of its body, then ends the connection; gives what came back. */
async function sendCut(one: TestStore, ask: RawAsk, { head, bytes }: { head: string; bytes: string }): Promise<string> {
  const headers = await signedHeaders(one.upstream, ask, Buffer.from(ask.body ?? ''))
  const socket = connect(one.store.port, '127.0.0.1')
  let received = ''
  socket.on('data', (piece) => (received += piece.toString('latin1')))
  socket.on('error', () => undefined)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end(`${ask.method} ${ask.target} HTTP/1.1\r\n${[...lines, head].join('\r\n')}\r\n\r\n${bytes}`)
  if (!socket.closed) await once(socket, 'close')
  return received
}

const HELLO = { method: 'PUT', target: '/b/k', body: 'hello' }
const TRAILER: RawAsk = {
  method: 'PUT',
  target: '/b/k',
  payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  headers: { 'content-encoding': 'aws-chunked', 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-decoded-content-length': '5' }
}
const FRAMED = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n'

const CUTS = [
  { why: 'a body that ends before its Content-Length', ask: HELLO, head: 'content-length: 5', bytes: 'hel' },
  { why: 'a body that never begins', ask: HELLO, head: 'content-length: 5', bytes: '' },
  {
    why: 'a chunked transfer without its last chunk',
    ask: { ...TRAILER },
    head: 'transfer-encoding: chunked',
    bytes: `${FRAMED.length.toString(16)}\r\n${FRAMED}\r\n`
  },
  {
    why: 'a chunked transfer that ends inside a chunk',
    ask: { ...TRAILER },
    head: 'transfer-encoding: chunked',
    bytes: `${FRAMED.length.toString(16)}\r\n5\r\nhel`
  },
  { why: 'aws-chunked that ends before its last chunk', ask: TRAILER, head: `content-length: ${FRAMED.length}`, bytes: FRAMED.slice(0, 10) }
]

for (const { why, ask, head, bytes } of CUTS) {
  test(`${why} stores nothing`, async (t) => {
    const one = await storeForTest(t)
    const answer = await sendCut(one, ask, { head, bytes })
    t.notMatch(answer, /^HTTP\/1\.1 200/)
    t.equal(one.store.objects('b').size, 0)
    t.equal(one.store.requests.all.length, 1, 'the request did arrive')
    t.equal(one.store.requests.all[0]?.effective, false)
  })
}

test('the same bodies uncut are stored, aws-chunked inside a chunked transfer too', async (t) => {
  const one = await storeForTest(t)
  t.match(await sendCut(one, HELLO, { head: 'content-length: 5\r\nconnection: close', bytes: 'hello' }), /^HTTP\/1\.1 200/)
  t.equal((await one.store.objects('b').get('k')?.[0]?.read())?.toString(), 'hello')
  const chunked = `${FRAMED.length.toString(16)}\r\n${FRAMED}\r\n0\r\n\r\n`
  t.match(await sendCut(one, TRAILER, { head: 'transfer-encoding: chunked\r\nconnection: close', bytes: chunked }), /^HTTP\/1\.1 200/)
})

test('a client that waits for 100 Continue gets it after its signature proved right, and an error instead when it did not', async (t) => {
  const one = await storeForTest(t)
  const right = await sendCut(one, HELLO, { head: 'content-length: 5\r\nexpect: 100-continue\r\nconnection: close', bytes: 'hello' })
  t.match(right, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
  const wrong = await sendCut(
    { ...one, upstream: { ...one.upstream, secretAccessKey: 'other' } },
    { ...HELLO, target: '/b/other' },
    { head: 'content-length: 5\r\nexpect: 100-continue', bytes: '' }
  )
  t.match(wrong, /^HTTP\/1\.1 403/)
  t.same([...one.store.objects('b').keys()], ['k'])
})
