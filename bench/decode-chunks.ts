// Decoding aws-chunked bodies of 8 MiB in pieces of 256 KiB; µs per MiB and as a ratio to the calibration loop.
import { createHash, createHmac } from 'node:crypto'
import { decodeChunked, type Chunking } from '../proxy/sigv4/payload/decode.ts'
import { makeDigest } from '../proxy/sigv4/payload/digest.ts'
import { deriveSigningKey } from '../proxy/sigv4/signing-key.ts'
import type { ByteSink, ByteSource } from '../proxy/transport/transport.ts'
import { calibrate, measure, report } from './measure.ts'

const MIB = 1024 * 1024
const DATA = Buffer.alloc(8 * MIB, 'sluice')
const PIECE = 256 * 1024
const signing = {
  signingKey: deriveSigningKey('secret', { day: '20261124', region: 'local', service: 's3' }),
  amzDate: '20261124T102030Z',
  scope: '20261124/local/s3/aws4_request',
  seedSignature: '0'.repeat(64)
}

function signedBody(chunkSize: number): Buffer {
  const parts: Buffer[] = []
  let previous = signing.seedSignature
  for (let at = 0; ; at += chunkSize) {
    const chunk = DATA.subarray(at, at + chunkSize)
    const hash = createHash('sha256').update(chunk).digest('hex')
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${signing.amzDate}\n${signing.scope}\n${previous}\n${createHash('sha256').digest('hex')}\n${hash}`
    previous = createHmac('sha256', signing.signingKey.export()).update(text).digest('hex')
    parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`), chunk, Buffer.from('\r\n'))
    if (chunk.length === 0) return Buffer.concat(parts)
  }
}

/** Writes all pieces as soon as it is started: the bench measures the decoder, not the event loop. */
function eager(body: Buffer): ByteSource {
  return {
    length: body.length,
    start(sink: ByteSink) {
      for (let at = 0; at < body.length; at += PIECE) sink.write(body.subarray(at, at + PIECE))
      sink.end()
    },
    resume: () => undefined,
    cancel: (reason) => {
      throw reason
    }
  }
}

function decode(body: Buffer, chunking: Pick<Chunking, 'mode' | 'trailerNames'>): number {
  let bytes = 0
  const decoded = decodeChunked(eager(body), { ...chunking, decodedLength: DATA.length, signing })
  decoded.start({
    write: (piece) => ((bytes += piece.length), true),
    end: () => undefined,
    fail: (error) => {
      throw error
    }
  })
  if (bytes !== DATA.length) throw new Error('not decoded')
  return bytes
}

const signed64 = signedBody(64 * 1024)
const signed1024 = signedBody(MIB)
const unsigned = Buffer.concat([Buffer.from('800000\r\n'), DATA, Buffer.from('\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n')])
const trailerNames = ['x-amz-checksum-crc32']
const calibration = calibrate()
const perMib = (us: number): number => us / (DATA.length / MIB)
report(
  'signed chunks of 64 KiB, per MiB',
  perMib(measure(() => decode(signed64, { mode: 'signed-chunks', trailerNames: [] }), 20)),
  calibration
)
report(
  'signed chunks of 1 MiB, per MiB',
  perMib(measure(() => decode(signed1024, { mode: 'signed-chunks', trailerNames: [] }), 20)),
  calibration
)
report('one unsigned chunk, per MiB', perMib(measure(() => decode(unsigned, { mode: 'unsigned-trailer', trailerNames }), 200)), calibration)
for (const algorithm of ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256', 'md5'] as const) {
  const run = (): number => {
    const digest = makeDigest(algorithm)
    for (let at = 0; at < DATA.length; at += PIECE) digest.update(DATA.subarray(at, at + PIECE))
    return digest.digest().length
  }
  report(`${algorithm}, per MiB`, perMib(measure(run, 10)), calibration)
}
