/** The state of a CRC over the bytes so far. */
export interface Crc {
  update(bytes: Uint8Array): void
  /** The checksum, big-endian, as S3 writes it in base64. */
  digest(): Uint8Array
}

const SLICES = 8
const CRC32C_POLYNOMIAL = 0x82f63b78
// CRC-64/NVME, reflected: high and low half, since a number holds 53 bits and BigInt costs ten times as much.
const CRC64_POLYNOMIAL_HIGH = 0x9a6c9329
const CRC64_POLYNOMIAL_LOW = 0xac4bc9b5

interface Tables {
  readonly high: Int32Array
  readonly low: Int32Array
}

let crc32cTables: Tables | null = null
let crc64Tables: Tables | null = null

/** CRC-32C (Castagnoli), eight bytes a step. */
export function makeCrc32c(): Crc {
  const table = (crc32cTables ??= makeTables(0, CRC32C_POLYNOMIAL)).low
  let crc = -1
  return {
    update(bytes) {
      let i = 0
      for (const end = bytes.length - 7; i < end; i += 8) {
        crc ^= word(bytes, i)
        const next = word(bytes, i + 4)
        crc =
          at(table, 7, crc) ^
          at(table, 6, crc >>> 8) ^
          at(table, 5, crc >>> 16) ^
          at(table, 4, crc >>> 24) ^
          at(table, 3, next) ^
          at(table, 2, next >>> 8) ^
          at(table, 1, next >>> 16) ^
          at(table, 0, next >>> 24)
      }
      for (; i < bytes.length; i++) crc = (crc >>> 8) ^ at(table, 0, crc ^ (bytes[i] as number))
    },
    digest: () => bigEndian([~crc])
  }
}

/** CRC-64/NVME, eight bytes a step. */
export function makeCrc64Nvme(): Crc {
  const tables = (crc64Tables ??= makeTables(CRC64_POLYNOMIAL_HIGH, CRC64_POLYNOMIAL_LOW))
  let high = -1
  let low = -1
  return {
    update(bytes) {
      let i = 0
      for (const end = bytes.length - 7; i < end; i += 8) {
        const first = low ^ word(bytes, i)
        const second = high ^ word(bytes, i + 4)
        high = eightBytes(tables.high, first, second)
        low = eightBytes(tables.low, first, second)
      }
      for (; i < bytes.length; i++) {
        const index = low ^ (bytes[i] as number)
        low = ((low >>> 8) | (high << 24)) ^ at(tables.low, 0, index)
        high = (high >>> 8) ^ at(tables.high, 0, index)
      }
    },
    digest: () => bigEndian([~high, ~low])
  }
}

function eightBytes(table: Int32Array, first: number, second: number): number {
  return (
    at(table, 7, first) ^
    at(table, 6, first >>> 8) ^
    at(table, 5, first >>> 16) ^
    at(table, 4, first >>> 24) ^
    at(table, 3, second) ^
    at(table, 2, second >>> 8) ^
    at(table, 1, second >>> 16) ^
    at(table, 0, second >>> 24)
  )
}

/** Slice `n` holds what a byte does to the checksum `n` bytes later (slicing by 8: one look-up per byte, no chain between them). */
function makeTables(polynomialHigh: number, polynomialLow: number): Tables {
  const high = new Int32Array(256 * SLICES)
  const low = new Int32Array(256 * SLICES)
  for (let byte = 0; byte < 256; byte++) {
    let [h, l] = [0, byte]
    for (let bit = 0; bit < 8; bit++) {
      const carry = l & 1
      l = (l >>> 1) | (h << 31)
      h >>>= 1
      if (carry === 1) [h, l] = [h ^ polynomialHigh, l ^ polynomialLow]
    }
    high[byte] = h
    low[byte] = l
  }
  for (let i = 256; i < 256 * SLICES; i++) {
    const [h, l] = [high[i - 256] as number, low[i - 256] as number]
    low[i] = ((l >>> 8) | (h << 24)) ^ at(low, 0, l)
    high[i] = (h >>> 8) ^ at(high, 0, l)
  }
  return { high, low }
}

function at(table: Int32Array, slice: number, byte: number): number {
  return table[slice * 256 + (byte & 0xff)] as number
}

function word(bytes: Uint8Array, i: number): number {
  return (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24)
}

function bigEndian(words: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(words.length * 4)
  words.forEach((value, index) => bytes.writeInt32BE(value, index * 4))
  return bytes
}
