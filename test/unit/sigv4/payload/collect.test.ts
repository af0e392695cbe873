import t from 'tap'
import { collectBody } from '../../../../proxy/sigv4/payload/collect.ts'
import { sourceOfBytes } from '../../../../proxy/sigv4/payload/memory-source.ts'
import { flow, inPieces, PiecesSource } from '../flows.ts'

const BODY = Buffer.from('0123456789'.repeat(20_000))

for (const { why, pieceSize, length } of [
  { why: 'in one piece', pieceSize: BODY.length, length: BODY.length },
  { why: 'in many pieces', pieceSize: 1000, length: BODY.length },
  { why: 'of unknown length', pieceSize: 1000, length: null },
  { why: 'exactly as long as allowed', pieceSize: 70_000, length: null }
]) {
  t.test(`a body is collected whole: ${why}`, async (t) => {
    const bytes = await collectBody(new PiecesSource(inPieces(BODY, pieceSize), { length }), { bytesMax: BODY.length })
    t.ok(BODY.equals(bytes))
  })
}

t.test('a body of nothing is collected as nothing', async (t) => {
  t.equal((await collectBody(new PiecesSource([]), { bytesMax: 0 })).length, 0)
})

for (const length of [BODY.length, null]) {
  t.test(`a body over the bound is refused and given up, length ${length ?? 'unknown'}`, async (t) => {
    const source = new PiecesSource(inPieces(BODY, 1000), { length })
    await t.rejects(collectBody(source, { bytesMax: BODY.length - 1 }), {
      name: 'PayloadProblem',
      kind: 'too-large',
      code: 'EntityTooLarge'
    })
    t.ok(source.cancelled)
    t.ok(source.written <= (length === null ? 200 : 0))
  })
}

t.test('a body that breaks off is not collected', async (t) => {
  const failure = new Error('client gone')
  await t.rejects(collectBody(new PiecesSource([BODY], { failure }), { bytesMax: BODY.length }), failure)
})

for (const slow of [false, true]) {
  t.test(`bytes in memory flow like any other, ${slow ? 'slow' : 'fast'} sink`, async (t) => {
    const source = sourceOfBytes(BODY)
    t.equal(source.length, BODY.length)
    const { bytes, outcome } = await flow(source, { slow })
    t.equal(outcome, 'end')
    t.ok(bytes.equals(BODY))
    t.equal((await flow(sourceOfBytes(new Uint8Array(0)), { slow })).outcome, 'end')
  })
}

t.test('bytes in memory that are cancelled reach nobody', async (t) => {
  const source = sourceOfBytes(BODY)
  source.start({ write: () => (t.fail('written'), true), end: () => t.fail('ended'), fail: () => t.fail('failed') })
  source.cancel(new Error('enough'))
  await new Promise((resolve) => setImmediate(resolve))
  t.pass()
})

t.test('bytes in memory flow once', async (t) => {
  const source = sourceOfBytes(BODY)
  await flow(source)
  t.throws(() => source.start({ write: () => true, end: () => undefined, fail: () => undefined }), /once/)
})
