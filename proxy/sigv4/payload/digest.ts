import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { makeCrc32c, makeCrc64Nvme } from './crc.ts'

/** The algorithms of x-amz-checksum-* that are known here. */
export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]
/** md5 is that of Content-MD5. */
export type DigestAlgorithm = ChecksumAlgorithm | 'md5'

/** Bytes of each digest. */
export const DIGEST_BYTES = { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32, md5: 16 } as const satisfies Record<
  DigestAlgorithm,
  number
>

/** A digest over the bytes so far. */
export interface Digest {
  update(bytes: Uint8Array): void
  digest(): Uint8Array
}

/** A fresh digest of the algorithm. */
export function makeDigest(algorithm: DigestAlgorithm): Digest {
  switch (algorithm) {
    case 'crc32':
      return makeCrc32()
    case 'crc32c':
      return makeCrc32c()
    case 'crc64nvme':
      return makeCrc64Nvme()
    case 'sha1':
    case 'sha256':
    case 'md5':
      return createHash(algorithm)
    default:
      return algorithm satisfies never
  }
}

/** The base64 digest of bytes held in memory, for a body that the proxy wrote itself. */
export function digestBase64(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  const digest = makeDigest(algorithm)
  digest.update(bytes)
  return Buffer.from(digest.digest()).toString('base64')
}

/** Characters of the algorithm's base64 value, padding included. */
export function base64Length(algorithm: DigestAlgorithm): number {
  return Math.ceil(DIGEST_BYTES[algorithm] / 3) * 4
}

/** The bytes of a base64 digest, or null when the text is not the one spelling of a digest of this length. */
export function parseDigest(algorithm: DigestAlgorithm, base64: string): Uint8Array | null {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length === DIGEST_BYTES[algorithm] && bytes.toString('base64') === base64 ? bytes : null
}

function makeCrc32(): Digest {
  let crc = 0
  return {
    update(bytes) {
      crc = crc32(bytes, crc)
    },
    digest() {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(crc)
      return bytes
    }
  }
}
