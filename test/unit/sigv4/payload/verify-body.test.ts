import t from 'tap'
import { checksumChecks, findChecksumClaims } from '../../../../proxy/sigv4/payload/checksum.ts'
import { digestBase64 } from '../../../../proxy/sigv4/payload/digest.ts'
import { contentSha256Check, verifyHash } from '../../../../proxy/sigv4/payload/hash.ts'
import { PayloadProblem } from '../../../../proxy/sigv4/payload/problem.ts'
import { verifyBody } from '../../../../proxy/sigv4/payload/verify-body.ts'
import { flow, inPieces, PiecesSource } from '../flows.ts'

const BODY = Buffer.from('The quick brown fox jumps over the lazy dog'.repeat(1000))
const HEX = Buffer.from(digestBase64('sha256', BODY), 'base64').toString('hex')

for (const length of [BODY.length, null]) {
  for (const pieceSize of [1000, 20_000, BODY.length]) {
    for (const slow of [false, true]) {
      const how = `length ${length ?? 'unknown'}, pieces of ${pieceSize}, ${slow ? 'slow' : 'fast'} sink`
      t.test(`a body with the promised hash passes unchanged: ${how}`, async (t) => {
        const { bytes, outcome } = await flow(verifyHash(new PiecesSource(inPieces(BODY, pieceSize), { length }), HEX), { slow })
        t.equal(outcome, 'end')
        t.ok(bytes.equals(BODY))
      })

      t.test(`a body with another hash never completes: ${how}`, async (t) => {
        const changed = Buffer.from(BODY)
        changed[0] = 0
        const { bytes, outcome } = await flow(verifyHash(new PiecesSource(inPieces(changed, pieceSize), { length }), HEX), { slow })
        t.match(outcome, { name: 'PayloadProblem', kind: 'content-sha256', code: 'XAmzContentSHA256Mismatch' })
        t.ok(bytes.length < BODY.length)
      })
    }
  }
}

t.test('an empty body is verified as well', async (t) => {
  t.equal((await flow(verifyHash(new PiecesSource([], { length: 0 }), digestHex(Buffer.alloc(0))))).outcome, 'end')
  t.ok((await flow(verifyHash(new PiecesSource([], { length: 0 }), HEX))).outcome instanceof PayloadProblem)
})

t.test('a body is verified against every check, whichever fails', async (t) => {
  const claims = { checksum: null, contentMd5: digestBase64('md5', Buffer.from('another')) }
  const checks = [contentSha256Check(HEX), ...checksumChecks(claims, () => new Map())]
  t.match((await flow(verifyBody(new PiecesSource([BODY]), checks))).outcome, { kind: 'bad-digest' })
})

t.test('a body without checks is the source itself', async (t) => {
  const source = new PiecesSource([])
  t.equal(verifyBody(source, []), source)
})

t.test('a body whose source fails is not taken for verified', async (t) => {
  const failure = new Error('client gone')
  const { outcome } = await flow(verifyHash(new PiecesSource([BODY], { length: BODY.length, failure }), HEX))
  t.equal(outcome, failure)
})

for (const algorithm of ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const) {
  const name = `x-amz-checksum-${algorithm}`
  const value = digestBase64(algorithm, BODY)
  const wrong = digestBase64(algorithm, Buffer.from('another'))
  for (const { where, headers, trailerNames } of [
    { where: 'a header', headers: (value: string) => [name, value], trailerNames: [] },
    { where: 'a trailer', headers: () => ['x-amz-sdk-checksum-algorithm', algorithm.toUpperCase()], trailerNames: [name] }
  ]) {
    const run = async (value: string): Promise<'end' | Error> => {
      const claims = findChecksumClaims(headers(value), trailerNames)
      const checks = checksumChecks(claims, () => new Map([[name, value]]))
      return (await flow(verifyBody(new PiecesSource(inPieces(BODY, 1000)), checks))).outcome
    }
    t.test(`${algorithm} in ${where}: the right value passes, another is BadDigest`, async (t) => {
      t.equal(await run(value), 'end')
      t.match(await run(wrong), { kind: 'bad-digest', code: 'BadDigest' })
    })
  }

  t.test(`${algorithm} in a trailer: what is no such value is InvalidRequest`, async (t) => {
    const checks = checksumChecks(findChecksumClaims([], [name]), () => new Map([[name, 'not base64']]))
    const { outcome } = await flow(verifyBody(new PiecesSource([BODY]), checks))
    t.match(outcome, { kind: 'trailer-value', code: 'InvalidRequest', message: `Value for ${name} trailing header is invalid.` })
  })
}

function digestHex(bytes: Uint8Array): string {
  return Buffer.from(digestBase64('sha256', bytes), 'base64').toString('hex')
}
