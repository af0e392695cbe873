import fc from 'fast-check'
import t from 'tap'
import type { UpstreamResponse } from '../../../proxy/transport/transport.ts'
import type { UpstreamExchange } from '../../helpers/raw-http.ts'
import { collect, createOwn, createWithUndici, startUpstreamFor } from './rig.ts'

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.!#$%&*+^|~'), minLength: 1, maxLength: 20 })
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'trailer'])
const fieldText = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constantFrom(0x20, 0x09)), {
    maxLength: 30
  })
  .map((codes) => String.fromCharCode(...codes).trim())
const answers = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'DELETE'),
  status: fc.constantFrom(200, 204, 206, 304, 307, 403, 404, 412, 500, 503),
  reason: fc.constantFrom('', 'OK', 'Not Found', 'caf\xe9'),
  fields: fc.array(fc.tuple(token, fieldText), { maxLength: 8 }),
  space: fc.constantFrom('', ' ', '\t ', '  '),
  body: fc.uint8Array({ maxLength: 40_000 }),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 5 })),
  interim: fc.boolean(),
  cuts: fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 4 })
})
type Written = typeof answers extends fc.Arbitrary<infer Value> ? Value : never

function bytesOf({ method, status, reason, fields, space, body, chunks, interim }: Written): Buffer {
  const bodiless = method === 'HEAD' || status === 204 || status === 304
  const framing = chunks === null ? `Content-Length: ${body.length}` : 'Transfer-Encoding: Chunked'
  const lines = fields.filter(([name]) => !FRAMING.has(name.toLowerCase())).map(([name, value]) => `${name}:${space}${value}${space}\r\n`)
  const head = `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}${status === 204 || status === 304 ? '' : `${framing}\r\n`}\r\n`
  const parts: Buffer[] = [Buffer.from(interim ? `HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n${head}` : head, 'latin1')]
  if (!bodiless && chunks === null) parts.push(Buffer.from(body))
  if (!bodiless && chunks !== null) parts.push(chunked(Buffer.from(body), chunks))
  return Buffer.concat(parts)
}

function chunked(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = []
  for (let at = 0, i = 0; at < body.length; i += 1) {
    const piece = body.subarray(at, at + (sizes[i % sizes.length] ?? 1))
    parts.push(Buffer.from(`${piece.length.toString(16).toUpperCase()}\r\n`), piece, Buffer.from('\r\n'))
    at += piece.length
  }
  return Buffer.concat([...parts, Buffer.from('0\r\nx-trailer: a b\r\n\r\n')])
}

async function play({ connection }: UpstreamExchange, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  let rest = bytes
  for (const cut of cuts) {
    connection.write(rest.subarray(0, cut))
    rest = rest.subarray(cut)
    await new Promise((resolve) => setImmediate(resolve))
  }
  connection.write(rest)
}

async function seen(response: UpstreamResponse): Promise<object> {
  const { bytes, error } = await collect(response.body)
  // RFC 9110 section 5.5: white space around a value is not part of it. undici leaves tabs behind it.
  const rawHeaders = response.rawHeaders.map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''))
  return { status: response.status, rawHeaders, length: response.body.length, body: bytes.toString('latin1'), error }
}

t.test('a well-formed answer is read as undici reads it', async (t) => {
  let written: { bytes: Buffer; cuts: readonly number[] } = { bytes: Buffer.alloc(0), cuts: [] }
  const own = createOwn({})
  const oracle = createWithUndici({})
  const { request } = await startUpstreamFor(t, (exchange) => play(exchange, written.bytes, written.cuts), own)
  t.teardown(() => oracle.close())
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      written = { bytes: bytesOf(answer), cuts: answer.cuts }
      const expected = await seen(await oracle.send(request({ method: answer.method })))
      const actual = await seen(await own.send(request({ method: answer.method })))
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
    }),
    { numRuns: 300 }
  )
  t.equal(own.counts.open, 1, 'and one connection carried all')
})
