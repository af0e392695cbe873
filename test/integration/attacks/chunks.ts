import type { Test } from 'tap'
import { createHash } from 'node:crypto'
import { beginUpload, stored } from './calls.ts'
import { FRAMING, SIGNATURES, TRAILERS, whole, type Body, type Mutation } from './chunk-mutations.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'
import { framed, plainChunks, sha256, signedChunks, trailerSignature, type ChunkSigning } from './signer.ts'

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

/** A body in chunks. Small ones are held by the proxy, large ones flow through it: both must end in nothing. */
const SIZES = [
  ['small', 8192],
  ['large', 40 * 1024]
] as const

/** S-23: a body that is not what its signatures and checksums say is never an object. */
export async function chunks(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  // Held and flowing bodies take different ways: with a low limit both are small enough to be many.
  const low = await rig.another((settings) => ({ ...settings, limits: { smallPutBytesMax: '64KiB' } }))
  try {
    for (const place of ['awsTag', 'minioTag'] as const) {
      for (const [size, bytes] of SIZES) await bodies(t, low, { place, size, bytes })
    }
  } finally {
    await low.stop()
  }
}

interface Case {
  readonly place: 'awsTag' | 'minioTag'
  readonly size: string
  readonly bytes: number
}

async function bodies(t: Test, rig: Rig, { place, size, bytes }: Case): Promise<void> {
  const { a1 } = rig.callers
  const tenant = `ta-${place.toLowerCase()}`
  const usable = [bytes, bytes, 5000].map((length, index) => Buffer.alloc(length, String(index)))
  const data = Buffer.concat(usable)
  const target = `/${tenant}/${size}`
  const { uploadId } = await beginUpload(rig, a1, `/${tenant}/up-${size}`)
  const part = `/${tenant}/up-${size}?partNumber=2&uploadId=${uploadId}`
  const targets = place === 'awsTag' ? [target, part] : [target]
  const crc = crc32(data)

  const modes: readonly (readonly [mode: string, payload: string, body: (chain: ChunkSigning) => Body])[] = [
    ['signed chunks', SIGNED, (chain) => ({ chunks: signedChunks(usable, chain).chunks, tail: '\r\n' })],
    [
      'signed chunks and trailer',
      SIGNED_TRAILER,
      (chain) => {
        const { chunks, last } = signedChunks(usable, chain)
        return {
          chunks,
          tail: `x-amz-checksum-crc32:${crc}\r\nx-amz-trailer-signature:${trailerSignature(`x-amz-checksum-crc32:${crc}\n`, chain, last)}\r\n\r\n`
        }
      }
    ],
    ['an unsigned trailer', UNSIGNED_TRAILER, () => ({ chunks: plainChunks(usable), tail: `x-amz-checksum-crc32:${crc}\r\n\r\n` })]
  ]
  for (const [mode, payload, bodyOf] of modes) {
    await t.test(`S-23: a ${size} body with ${mode} is stored whole and verified, or not at all (${place})`, async (t) => {
      const call = (to: string, make: (body: Body) => Buffer, length: string | null): Call => ({
        method: 'PUT',
        target: to,
        as: a1,
        payload,
        headers: [
          ...(length === null ? [] : [['x-amz-decoded-content-length', length] as const]),
          ...(payload.endsWith('TRAILER') ? [['x-amz-trailer', 'x-amz-checksum-crc32'] as const] : [])
        ],
        bodyFrom: (chain) => make(bodyOf(chain))
      })
      const wrong: Mutation[] = [...FRAMING, ...(payload === UNSIGNED_TRAILER ? [] : SIGNATURES)]
      for (const to of targets) {
        for (const { why, code, bytes: make, length } of wrong) {
          const declared = length === undefined ? String(data.length) : length(data.length)
          // Which of two things is wrong first depends on the mode; where signatures stand they are read first.
          const codes = expected(code, why, payload)
          const outcome = await refusedAs(t, rig, { why, call: call(to, make ?? whole, declared), codes })
          t.ok(outcome)
        }
        if (payload.endsWith('TRAILER'))
          await trailers(t, rig, { payload, call: (edit) => call(to, (body) => framed(body.chunks, edit(body.tail)), String(data.length)) })
        await unannounced(t, rig, {
          payload,
          call: { ...call(to, whole, String(data.length)), headers: [['x-amz-decoded-content-length', String(data.length)]] }
        })
      }
      t.equal(await stored(rig, PLACES[place].store, { bucket: PLACES[place].bucket, key: `${tenant}/${size}` }), null)
      await succeeds(t, rig, 'the body as it should be', call(target, whole, String(data.length)))
      t.equal(
        sha256((await stored(rig, PLACES[place].store, { bucket: PLACES[place].bucket, key: `${tenant}/${size}` })) ?? ''),
        sha256(data),
        'is the object'
      )
      await succeeds(t, rig, 'and goes again', { method: 'DELETE', target, as: a1 })
    })
  }
  await plain(t, rig, { place, size, bytes })
}

async function refusedAs(t: Test, rig: Rig, { why, call, codes }: { why: string; call: Call; codes: readonly string[] }): Promise<boolean> {
  const before = rig.state()
  const outcome = await rig.send(call)
  const took = outcome.upstream.filter(({ method, effective }) => effective && method !== 'GET' && method !== 'HEAD')
  t.same(
    [codes.includes(outcome.code ?? ''), took.map(({ rawTarget }) => rawTarget), rig.state() === before],
    [true, [], true],
    `${why}: ${outcome.code}`
  )
  return true
}

function expected(code: string, why: string, payload: string): readonly string[] {
  if (payload === UNSIGNED_TRAILER) {
    // Without signatures a chunk that is missing in the middle is only a body that is too short.
    return why === 'the body ends before its last line' ? ['IncompleteBody', 'MalformedTrailerError'] : [code]
  }
  if (why === 'a chunk is left out' || why === 'a chunk is shorter than it says' || why === 'bytes stand behind a chunk')
    return [code, 'SignatureDoesNotMatch', 'IncompleteBody']
  if (why === 'the last chunk is missing') return [code, 'InvalidRequest']
  return why === 'the body ends before its last line' ? ['IncompleteBody', 'MalformedTrailerError'] : [code]
}

async function trailers(
  t: Test,
  rig: Rig,
  { payload, call }: { payload: string; call: (edit: (good: string) => string) => Call }
): Promise<void> {
  for (const [why, code, edit] of TRAILERS) {
    // A signed trailer that was changed is first of all not what was signed.
    const codes = payload === SIGNED_TRAILER ? [code, 'SignatureDoesNotMatch'] : [code]
    await refusedAs(t, rig, { why, call: call(edit), codes })
  }
  if (payload !== SIGNED_TRAILER) return
  await refusedAs(t, rig, {
    why: 'the trailer has no signature',
    call: call((good) => good.replace(/x-amz-trailer-signature.*\r\n\r\n$/, '\r\n')),
    codes: ['MalformedTrailerError']
  })
  await refusedAs(t, rig, {
    why: 'the trailer’s signature is another',
    call: call((good) => good.replace(/signature:.{4}/, 'signature:aaaa')),
    codes: ['SignatureDoesNotMatch']
  })
}

/** A trailer that comes though none was announced. */
async function unannounced(t: Test, rig: Rig, { payload, call }: { payload: string; call: Call }): Promise<void> {
  if (!payload.endsWith('TRAILER')) return
  await refused(t, rig, {
    why: 'the trailer was not announced',
    call,
    code: payload === SIGNED_TRAILER ? 'MalformedTrailerError' : 'MalformedTrailerError',
    reach: 'noWrite'
  })
}

async function plain(t: Test, rig: Rig, { place, size, bytes }: Case): Promise<void> {
  const { a1 } = rig.callers
  const data = Buffer.alloc(bytes, 'x')
  const target = `/ta-${place.toLowerCase()}/plain-${size}`
  const put = (more: Partial<Call>): Call => ({ method: 'PUT', target, as: a1, body: data, ...more })
  const wrong = createHash('md5').update('y').digest('base64')
  await t.test(`S-23: a ${size} body in one piece is what its hash and checksums say, or not stored (${place})`, async (t) => {
    const cases: readonly (readonly [string, Partial<Call>, string])[] = [
      ['another hash', { payload: sha256('y') }, 'XAmzContentSHA256Mismatch'],
      ['another Content-MD5', { headers: [['content-md5', wrong]] }, 'BadDigest'],
      ['a Content-MD5 that is none', { headers: [['content-md5', 'eA==']] }, 'InvalidDigest'],
      ['another CRC-32', { headers: [['x-amz-checksum-crc32', 'AAAAAA==']] }, 'BadDigest'],
      [
        'another SHA-256',
        { headers: [['x-amz-checksum-sha256', createHash('sha256').update('y').digest('base64')]], payload: 'UNSIGNED-PAYLOAD' },
        'BadDigest'
      ],
      ['another CRC-64', { headers: [['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA=']] }, 'BadDigest'],
      ['a checksum that is none', { headers: [['x-amz-checksum-crc32', '!']] }, 'InvalidRequest'],
      [
        'two checksums',
        {
          headers: [
            ['x-amz-checksum-crc32', crc32(data)],
            ['x-amz-checksum-sha1', createHash('sha1').update(data).digest('base64')]
          ]
        },
        'InvalidRequest'
      ],
      ['an algorithm without its checksum', { headers: [['x-amz-sdk-checksum-algorithm', 'CRC32']] }, 'InvalidRequest'],
      ['a trailer that cannot come', { headers: [['x-amz-trailer', 'x-amz-checksum-crc32']] }, 'InvalidRequest']
    ]
    for (const [why, more, code] of cases) await refused(t, rig, { why, call: put(more), code, reach: 'noWrite' })
    await succeeds(t, rig, 'the right checksum', put({ headers: [['x-amz-checksum-crc32', crc32(data)]] }))
    await succeeds(t, rig, 'and gone', { method: 'DELETE', target, as: a1 })
  })
}

function crc32(data: Buffer): string {
  let crc = -1
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE((crc ^ -1) >>> 0)
  return bytes.toString('base64')
}
