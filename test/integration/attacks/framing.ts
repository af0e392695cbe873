import type { Test } from 'tap'
import { RawClient, type RawResponse } from '../../helpers/raw-http.ts'
import { seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

const TENANT = 'ta-awstag'

/** S-9: one request is one request. */
export async function framing(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  await seed(rig, rig.callers.a1, `/${TENANT}/mine`)
  await seed(rig, rig.callers.a2, `/${TENANT}/others`)
  await smuggling(t, rig)
  await connections(t, rig)
  await changedBytes(t, rig)
}

/** Sends raw bytes and reads every answer until the proxy closes, or until it is silent with as many answers as `answers`. */
async function exchange(rig: Rig, bytes: Buffer, answers: number, isAll = false): Promise<readonly RawResponse[]> {
  const client = new RawClient(rig.port)
  try {
    client.send(bytes)
    // What is not a whole request by now will never be one.
    if (isAll) client.socket.end()
    const got: RawResponse[] = []
    while (got.length < answers) {
      try {
        const response = await client.readResponse()
        rig.note('a raw request', { bytes, response, as: 'several' })
        got.push(response)
      } catch {
        break
      }
    }
    return got
  } finally {
    client.destroy()
  }
}

async function smuggling(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  // A request that would be done if anybody took it for one: it is signed as it may be.
  const hidden = rig.bytesOf({ method: 'PUT', target: `/${TENANT}/smuggled`, body: 'x', as: a1 })
  const outer = (lines: readonly string[], body: Buffer): Buffer => {
    const call: Call = {
      method: 'PUT',
      target: `/${TENANT}/outer`,
      as: a1,
      payload: 'UNSIGNED-PAYLOAD',
      editHead: (head) => [...head, ...lines]
    }
    return Buffer.concat([rig.bytesOf(call), body])
  }
  const chunked = Buffer.concat([Buffer.from(`${hidden.length.toString(16)}\r\n`), hidden, Buffer.from('\r\n0\r\n\r\n')])
  const zero = Buffer.concat([Buffer.from('0\r\n\r\n'), hidden])
  const cases: readonly (readonly [why: string, bytes: Buffer])[] = [
    ['Content-Length and Transfer-Encoding', outer([`Content-Length: ${zero.length}`, 'Transfer-Encoding: chunked'], zero)],
    ['Transfer-Encoding and a short Content-Length', outer(['Transfer-Encoding: chunked', 'Content-Length: 4'], chunked)],
    ['two different Content-Lengths', outer(['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden)],
    ['two equal Content-Lengths', outer(['Content-Length: 5', 'Content-Length: 5'], Buffer.concat([Buffer.from('12345'), hidden]))],
    ['a list of Content-Lengths', outer(['Content-Length: 5, 5'], Buffer.concat([Buffer.from('12345'), hidden]))],
    ['a signed Content-Length', outer(['Content-Length: +5'], Buffer.concat([Buffer.from('12345'), hidden]))],
    ['a negative Content-Length', outer(['Content-Length: -5'], hidden)],
    ['a hexadecimal Content-Length', outer(['Content-Length: 0x5'], Buffer.concat([Buffer.from('12345'), hidden]))],
    [
      'a Content-Length beyond every number',
      outer(['Content-Length: 18446744073709551621'], Buffer.concat([Buffer.from('12345'), hidden]))
    ],
    ['an empty Content-Length', outer(['Content-Length: '], hidden)],
    ['two Transfer-Encodings', outer(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], zero)],
    ['chunked, then identity', outer(['Transfer-Encoding: chunked, identity'], zero)],
    ['identity, then chunked', outer(['Transfer-Encoding: identity, chunked'], zero)],
    ['gzip, then chunked', outer(['Transfer-Encoding: gzip, chunked'], zero)],
    ['a coding that is not chunked', outer(['Transfer-Encoding: xchunked'], zero)],
    ['a quoted coding', outer(['Transfer-Encoding: "chunked"'], zero)],
    ['a coding in brackets', outer(['Transfer-Encoding: [chunked]'], zero)],
    ['space before the colon', outer(['Transfer-Encoding : chunked'], zero)],
    ['a folded line', outer(['X-Folded: a', ' Transfer-Encoding: chunked'], zero)],
    ['a name with a control character', outer(['Transfer\u000b-Encoding: chunked'], zero)],
    ['a vertical tab before the value', outer(['Transfer-Encoding: \u000bchunked'], zero)],
    ['a bare line feed', outer(['X-Bare: a\nTransfer-Encoding: chunked'], zero)],
    ['a bare carriage return', outer(['X-Bare: a\rTransfer-Encoding: chunked'], zero)],
    ['a NUL in a value', outer(['X-Nul: a\u0000b'], hidden)],
    ['a chunk size with a sign', outer(['Transfer-Encoding: chunked'], Buffer.concat([Buffer.from('-1\r\n\r\n'), hidden]))],
    [
      'a chunk size that overflows',
      outer(['Transfer-Encoding: chunked'], Buffer.concat([Buffer.from('ffffffffffffffff1\r\nx\r\n0\r\n\r\n'), hidden]))
    ],
    [
      'a chunk that is longer than it says',
      outer(['Transfer-Encoding: chunked'], Buffer.concat([Buffer.from('1\r\nxyz\r\n0\r\n\r\n'), hidden]))
    ],
    [
      'HTTP/1.0 with a chunked body',
      Buffer.from(outer(['Transfer-Encoding: chunked'], zero).toString('latin1').replace('HTTP/1.1', 'HTTP/1.0'), 'latin1')
    ],
    ['HTTP/2.0 in the request line', Buffer.from(outer([], hidden).toString('latin1').replace('HTTP/1.1', 'HTTP/2.0'), 'latin1')],
    ['HTTP/1.1 spelled otherwise', Buffer.from(outer([], hidden).toString('latin1').replace('HTTP/1.1', 'http/1.1'), 'latin1')],
    ['a line feed in the target', Buffer.from(outer([], hidden).toString('latin1').replace('/outer', '/out\ner'), 'latin1')]
  ]
  for (const [why, bytes] of cases) {
    await t.test(`S-9: a request with ${why} is refused and nothing behind it is taken for another`, async (t) => {
      const before = rig.state()
      const { result, upstream } = await rig.watching(() => exchange(rig, bytes, 2))
      const [first, ...more] = result
      t.ok(first === undefined || first.status >= 400, `refused: ${first?.status ?? 'the connection was closed'}`)
      t.same(
        more.map(({ status }) => status),
        [],
        'one answer, then the connection ends'
      )
      t.same(
        upstream.filter(({ rawTarget }) => rawTarget.includes('smuggled')),
        [],
        'the hidden request was not sent'
      )
      t.notOk(
        upstream.some(({ effective, method }) => effective && method !== 'GET' && method !== 'HEAD'),
        'and nothing was written'
      )
      t.equal(rig.state(), before)
    })
  }
  await t.test('S-9: a body is a body: a request inside one is stored as bytes and not done', async (t) => {
    for (const [why, bytes] of [
      ['with Content-Length', outer([`Content-Length: ${hidden.length}`], hidden)],
      ['with x-amz-decoded-content-length beside it', outer([`Content-Length: ${hidden.length}`], hidden)]
    ] as const) {
      const { result, upstream } = await rig.watching(() => exchange(rig, bytes, 1))
      t.equal(result[0]?.status, 200, why)
      t.equal(upstream.filter(({ method }) => method === 'PUT').length, 1, 'one request went out')
      t.notOk(rig.state().includes('smuggled'))
    }
  })
  await t.test('S-9: the body of a refused request is never read as the next request', async (t) => {
    for (const [why, call] of [
      ['a false signature', { editAuthorization: (text: string) => text.replace(/Signature=./, 'Signature=z') }],
      ['another tenant', { target: '/tb-awstag/outer' }],
      ['a GET with a body', { method: 'GET', target: `/${TENANT}/mine` }],
      ['a DELETE with a body', { method: 'DELETE', target: `/${TENANT}/mine` }],
      ['an unknown operation', { target: `/${TENANT}/outer?unknown` }]
    ] as const) {
      const base: Call = { method: 'PUT', target: `/${TENANT}/outer`, as: a1, body: hidden, ...call }
      const before = rig.state()
      const { result, upstream } = await rig.watching(() => exchange(rig, rig.bytesOf(base), 2))
      t.same(
        result.map(({ status, headers: given }) => [status >= 400, given.get('connection')]),
        [[true, 'close']],
        `${why}: refused once, then closed`
      )
      t.same(upstream, [], 'nothing was sent')
      t.equal(rig.state(), before)
    }
  })
}

async function connections(t: Test, rig: Rig): Promise<void> {
  const { a1, a2, b1 } = rig.callers
  await t.test('S-9: requests that follow each other on one connection are each judged by their own credentials', async (t) => {
    const of = (as: Call['as'], target: string): Buffer => rig.bytesOf({ method: 'GET', target, as })
    const mine = of(a1, `/${TENANT}/mine`)
    const sent = [
      mine,
      of(a2, `/${TENANT}/mine`),
      of(null, `/${TENANT}/mine`),
      of(b1, `/${TENANT}/mine`),
      of(a2, `/${TENANT}/others`),
      mine
    ]
    const { result } = await rig.watching(() => exchange(rig, Buffer.concat(sent), sent.length))
    t.same(
      result.map(({ status }) => status),
      [200, 403, 403, 403, 200, 200],
      'pipelined'
    )
    t.same(
      result.map(({ body }) => /canary(..)canary/.exec(body.toString('latin1'))?.[1] ?? null),
      ['a1', null, null, null, 'a2', 'a1'],
      'and each got its own'
    )
  })
  await t.test('S-9: 100 Continue is said to nobody who is refused', async (t) => {
    for (const [why, call] of [
      ['a false signature', { editAuthorization: (text: string) => text.replace(/Signature=./, 'Signature=z') }],
      ['another tenant', { target: '/tb-awstag/x' }],
      ['no credentials', { as: null }]
    ] as const) {
      const head = rig.bytesOf({
        method: 'PUT',
        target: `/${TENANT}/x`,
        as: a1,
        payload: 'UNSIGNED-PAYLOAD',
        headers: [
          ['Expect', '100-continue'],
          ['Content-Length', '5']
        ],
        ...call
      })
      const { result: text, upstream } = await rig.watching(async () => {
        const client = new RawClient(rig.port)
        client.send(head)
        const answer = await client.readUntil('\r\n\r\n')
        client.destroy()
        return answer
      })
      t.match(text, /^HTTP\/1\.1 403 /, why)
      t.same(upstream, [])
    }
    await refused(t, rig, {
      why: 'a body that the client sends without waiting, to another’s key',
      call: { method: 'PUT', target: `/${TENANT}/others`, as: a1, body: 'x'.repeat(2_000_000), headers: [['Expect', '100-continue']] },
      code: 'AccessDenied',
      reach: 'looks'
    })
    for (const expectation of ['200-ok', '100-continue, 100-continue', 'x']) {
      await succeeds(t, rig, `Expect: ${expectation}`, {
        method: 'PUT',
        target: `/${TENANT}/expected`,
        as: a1,
        body: 'x',
        headers: [['Expect', expectation]]
      })
    }
  })
}

/** A sequence of fractions that is the same in every run. */
function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return state / 0x7fffffff
  }
}

async function changedBytes(t: Test, rig: Rig): Promise<void> {
  await t.test('S-9: a signed request with bytes changed on the way is refused, or does what was signed and nothing else', async (t) => {
    const next = sequence(7)
    const signs = [0x20, 0x0d, 0x0a, 0x09, 0x00, 0x2f, 0x2e, 0x3a, 0x25, 0x3b, 0x2c, 0xff]
    const call: Call = {
      method: 'PUT',
      target: `/${TENANT}/changed`,
      as: rig.callers.a1,
      body: 'bytes',
      headers: [
        ['x-amz-meta-note', 'hello'],
        ['x-amz-tagging', 'a=b'],
        ['content-type', 'text/plain']
      ]
    }
    const found = (): readonly unknown[] =>
      (JSON.parse(rig.state()) as [string, [string, unknown[][]][]][][]).flatMap((store) => store.flatMap(([, objects]) => objects))
    const kept = new Set(found().map((object) => JSON.stringify(object)))
    const first = await rig.watching(() => exchange(rig, rig.bytesOf(call), 1))
    t.equal(first.result[0]?.status, 200, 'unchanged it is done')
    const wanted = found().filter((object) => !kept.has(JSON.stringify(object)))
    for (let round = 0; round < 250; round++) {
      const bytes = rig.bytesOf(call)
      for (let change = 0; change <= next() * 3; change++) {
        const at = Math.floor(next() * bytes.length)
        bytes[at] = next() < 0.5 ? (bytes[at] ?? 0) ^ (1 << Math.floor(next() * 8)) : (signs[Math.floor(next() * signs.length)] ?? 0)
      }
      await rig.watching(() => exchange(rig, bytes, 1, true))
      const now = found().filter((object) => !kept.has(JSON.stringify(object)))
      t.same(now, wanted, JSON.stringify(bytes.toString('latin1', 0, 120)))
    }
  })
}
