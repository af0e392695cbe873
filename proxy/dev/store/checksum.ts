import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { CRC32C, CRC64NVME, crc64Bytes, combineCrc } from './crc.ts'

export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number]

/** FULL_OBJECT covers the object's bytes; COMPOSITE is the checksum of its parts' checksums, with `-<parts>` behind it. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  /** Base64, for COMPOSITE with its suffix. */
  readonly value: string
}

/** A hash that is still being fed. */
export interface RunningHash {
  update(bytes: Uint8Array): void
  digest(): Buffer
}

/** A fresh hash of that kind. */
export function startHash(algorithm: ChecksumAlgorithm | 'MD5'): RunningHash {
  switch (algorithm) {
    case 'CRC32':
      return startCrc((bytes, value) => crc32(bytes, value))
    case 'CRC32C':
      return startCrc((bytes, value) => CRC32C.update(bytes, value))
    case 'CRC64NVME':
      return startCrc64()
    case 'SHA1':
    case 'SHA256':
    case 'MD5':
      return startDigest(algorithm)
    default:
      return algorithm satisfies never
  }
}

function startDigest(algorithm: string): RunningHash {
  const hash = createHash(algorithm.toLowerCase())
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() }
}

function startCrc(step: (bytes: Uint8Array, value: number) => number): RunningHash {
  let value = 0
  return {
    update: (bytes) => void (value = step(bytes, value)),
    digest: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value >>> 0)
      return bytes
    }
  }
}

function startCrc64(): RunningHash {
  const state = CRC64NVME.start()
  return { update: (bytes) => CRC64NVME.update(bytes, state), digest: () => crc64Bytes(state) }
}

/** The number of bytes of a raw checksum of that algorithm. */
export function checksumBytes(algorithm: ChecksumAlgorithm): number {
  return { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }[algorithm]
}

/** The algorithm whose header `x-amz-checksum-<name>` is meant, or null. */
export function algorithmNamed(name: string): ChecksumAlgorithm | null {
  const upper = name.toUpperCase()
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === upper) ?? null
}

/** True when the value is the base64 of exactly as many bytes as the algorithm gives. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === checksumBytes(algorithm) && bytes.toString('base64') === value
}

/** What a part brings to the checksum of the whole. */
export interface PartChecksum {
  readonly value: string
  readonly length: number
}

/** The checksum of a multipart object from those of its parts (checking-object-integrity, "Multipart uploads"). */
export function combineChecksums(algorithm: ChecksumAlgorithm, type: ChecksumType, parts: readonly PartChecksum[]): ObjectChecksum {
  if (type === 'COMPOSITE') {
    const hash = startHash(algorithm)
    for (const part of parts) hash.update(Buffer.from(part.value, 'base64'))
    return { algorithm, type, value: `${hash.digest().toString('base64')}-${parts.length}` }
  }
  let whole: Buffer | null = null
  for (const part of parts) {
    const bytes = Buffer.from(part.value, 'base64')
    whole = whole === null ? bytes : combineCrc(algorithm, whole, { crc: bytes, length: part.length })
  }
  return { algorithm, type, value: (whole ?? startHash(algorithm).digest()).toString('base64') }
}
