/** Checksums that Node has no built-in for, and the arithmetic that joins the checksums of parts into that of the whole. */

const POLYNOMIALS = {
  CRC32: 0xedb88320n,
  CRC32C: 0x82f63b78n,
  CRC64NVME: 0x9a6c9329ac4bc9b5n
} as const

function table32(polynomial: number): Uint32Array {
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1
    table[byte] = value
  }
  return table
}

const TABLE_CRC32C = table32(Number(POLYNOMIALS.CRC32C))

/** CRC-32C (RFC 3720 appendix B.4), fed piece by piece from 0. */
export const CRC32C = {
  update(bytes: Uint8Array, before: number): number {
    let value = ~before
    for (let index = 0; index < bytes.length; index++) value = (value >>> 8) ^ TABLE_CRC32C[(value ^ bytes[index]!) & 0xff]!
    return ~value >>> 0
  }
}

// 64 bits as two halves: BigInt arithmetic per byte would be some fifty times slower.
const TABLE_HIGH = new Uint32Array(256)
const TABLE_LOW = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) value = (value & 1n) === 1n ? (value >> 1n) ^ POLYNOMIALS.CRC64NVME : value >> 1n
  TABLE_HIGH[byte] = Number(value >> 32n)
  TABLE_LOW[byte] = Number(value & 0xffffffffn)
}

export interface Crc64State {
  high: number
  low: number
}

/** CRC-64/NVME. */
export const CRC64NVME = {
  start(): Crc64State {
    return { high: ~0, low: ~0 }
  },
  update(bytes: Uint8Array, state: Crc64State): void {
    let { high, low } = state
    for (let index = 0; index < bytes.length; index++) {
      const entry = (low ^ bytes[index]!) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[entry]!
      high = (high >>> 8) ^ TABLE_HIGH[entry]!
    }
    state.high = high
    state.low = low
  }
}

/** The checksum in network order. */
export function crc64Bytes(state: Crc64State): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(~state.high >>> 0, 0)
  bytes.writeUInt32BE(~state.low >>> 0, 4)
  return bytes
}

/** The checksum of A followed by B, from those of A and of B and the length of B. Algorithms that are no CRC cannot be joined. */
export function combineCrc(algorithm: string, first: Buffer, second: { readonly crc: Buffer; readonly length: number }): Buffer {
  const polynomial = new Map<string, bigint>(Object.entries(POLYNOMIALS)).get(algorithm)
  if (polynomial === undefined) throw new Error(`${algorithm} cannot be joined`)
  const width = first.length * 8
  const shifted = shiftByBytes(toBigInt(first), { polynomial, width, bytes: second.length })
  return fromBigInt(shifted ^ toBigInt(second.crc), first.length)
}

interface Shift {
  readonly polynomial: bigint
  readonly width: number
  readonly bytes: number
}

// One zero bit is a linear map over GF(2); squaring its matrix doubles the number of bits, so that a part of gigabytes takes
// some forty steps (the method of zlib's crc32_combine).
function shiftByBytes(crc: bigint, { polynomial, width, bytes }: Shift): bigint {
  let matrix: bigint[] = [polynomial]
  for (let bit = 1; bit < width; bit++) matrix.push(1n << BigInt(bit - 1))
  for (let power = 0; power < 3; power++) matrix = square(matrix)
  let value = crc
  for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) value = times(matrix, value)
    matrix = square(matrix)
  }
  return value
}

function times(matrix: readonly bigint[], vector: bigint): bigint {
  let sum = 0n
  for (let row = 0, left = vector; left > 0n; row++, left >>= 1n) if ((left & 1n) === 1n) sum ^= matrix[row]!
  return sum
}

function square(matrix: readonly bigint[]): bigint[] {
  return matrix.map((row) => times(matrix, row))
}

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function fromBigInt(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex')
}
