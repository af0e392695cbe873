import t from 'tap'
import { Transform } from '../../../../proxy/sigv4/payload/transform.ts'
import type { ByteSink, ByteSource } from '../../../../proxy/transport/transport.ts'
import { flow, inPieces, PiecesSource } from '../flows.ts'

const BODY = Buffer.from('0123456789'.repeat(100))

/** Emits every piece in slices, as a decoder does with the chunks in one buffer, and a tail of its own. */
class Slicer extends Transform {
  readonly length = null
  readonly breakAt: number
  taken = 0
  constructor(source: ByteSource, breakAt = Infinity) {
    super(source)
    this.breakAt = breakAt
  }
  protected take(bytes: Uint8Array): void {
    this.taken += bytes.length
    if (this.taken > this.breakAt) throw new Error('bad bytes')
    for (const slice of inPieces(bytes, 3)) this.emit(slice)
  }
  protected finish(): void {
    if (this.breakAt === 0) throw new Error('bad end')
    this.emit(Buffer.from('.'))
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const failingSink = (t: { fail: (message: string) => void }): ByteSink => ({
  write: () => (t.fail('written'), true),
  end: () => t.fail('ended'),
  fail: () => t.fail('failed')
})

for (const pieceSize of [1, 10, 1000]) {
  t.test(`a slow sink gets every slice in order, each unspoilt until it is given back, in pieces of ${pieceSize}`, async (t) => {
    const source = new PiecesSource(inPieces(BODY, pieceSize))
    const { bytes, outcome } = await flow(new Slicer(source), { slow: true })
    t.equal(outcome, 'end')
    t.equal(bytes.toString(), `${BODY.toString()}.`)
  })
}

t.test('the source waits while slices of its buffer wait', async (t) => {
  const source = new PiecesSource(inPieces(BODY, 10))
  const transform = new Slicer(source)
  let writes = 0
  transform.start({ write: () => (writes++, false), end: () => t.fail('ended'), fail: () => t.fail('failed') })
  await turn()
  t.equal(source.written, 1)
  for (let i = 0; i < 3; i++) {
    t.equal(source.written, 1)
    transform.resume()
  }
  t.equal(writes, 4)
  transform.resume()
  await turn()
  t.equal(source.written, 2)
})

t.test('a resume that nobody waits for does nothing', async (t) => {
  const source = new PiecesSource(inPieces(BODY, 10))
  const transform = new Slicer(source)
  transform.resume()
  const { outcome } = await flow(transform)
  t.equal(outcome, 'end')
  transform.resume()
  transform.cancel(new Error('late'))
  await turn()
})

for (const slow of [false, true]) {
  t.test(`a transform that breaks off fails its sink once and gives the source up, ${slow ? 'slow' : 'fast'} sink`, async (t) => {
    const source = new PiecesSource(inPieces(BODY, 100))
    const { bytes, outcome } = await flow(new Slicer(source, 500), { slow })
    t.match(outcome, { message: 'bad bytes' })
    t.equal(source.cancelled, outcome)
    t.ok(bytes.length <= 500)
  })

  t.test(`a transform that breaks off at the end does not end, ${slow ? 'slow' : 'fast'} sink`, async (t) => {
    const { outcome } = await flow(new Slicer(new PiecesSource([]), 0), { slow })
    t.match(outcome, { message: 'bad end' })
  })

  t.test(`a source that fails reaches the sink, ${slow ? 'slow' : 'fast'} sink`, async (t) => {
    const failure = new Error('client gone')
    t.equal((await flow(new Slicer(new PiecesSource(inPieces(BODY, 100), { failure })), { slow })).outcome, failure)
  })
}

t.test('nothing reaches the sink after cancel: before the start, while flowing, while waiting', async (t) => {
  const reason = new Error('client gone')
  const early = new PiecesSource([BODY])
  const unstarted = new Slicer(early)
  unstarted.cancel(reason)
  unstarted.start(failingSink(t))
  t.equal(early.cancelled, reason)

  const flowing = new PiecesSource(inPieces(BODY, 100))
  const transform = new Slicer(flowing)
  let writes = 0
  transform.start({ ...failingSink(t), write: () => (writes++, transform.cancel(reason), true) })
  await turn()
  t.equal(writes, 1)
  t.equal(flowing.cancelled, reason)

  const waiting = new PiecesSource(inPieces(BODY, 100))
  const held = new Slicer(waiting)
  writes = 0
  held.start({ ...failingSink(t), write: () => (writes++, false) })
  await turn()
  held.cancel(reason)
  held.resume()
  await turn()
  t.equal(writes, 1)
  t.equal(waiting.cancelled, reason)
})

t.test('a flow is started once', async (t) => {
  const transform = new Slicer(new PiecesSource([]))
  await flow(transform)
  t.throws(() => transform.start(failingSink(t)), /once/)
})
