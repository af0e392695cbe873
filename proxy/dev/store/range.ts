import { StoreError } from './error.ts'

/** Both ends included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** The range that a `Range` header asks of so many bytes; null when S3 ignores the header and sends everything. */
export function readRange(header: string | null, length: number, minioQuirks: boolean): ByteRange | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return null
  const [first, last] = [match[1] === '' ? null : Number(match[1]), match[2] === '' ? null : Number(match[2])]
  if (first === null) return suffixRange(last!, length, minioQuirks)
  if (last !== null && last < first) {
    if (minioQuirks) throw unsatisfiable(length)
    return null
  }
  if (first >= length) throw unsatisfiable(length)
  return { first, last: Math.min(last ?? length - 1, length - 1) }
}

function suffixRange(wanted: number, length: number, minioQuirks: boolean): ByteRange | null {
  if (wanted === 0) throw unsatisfiable(length)
  // Measured on MinIO: `Content-Range: bytes 0--1/0`.
  if (length === 0) return minioQuirks ? { first: 0, last: -1 } : null
  return { first: Math.max(0, length - wanted), last: length - 1 }
}

function unsatisfiable(length: number): StoreError {
  return new StoreError('InvalidRange', {
    elements: [['ActualObjectSize', String(length)]],
    headers: [['content-range', `bytes */${length}`]]
  })
}

/** The range of `x-amz-copy-source-range`, which must be written out in full. */
export function readCopyRange(header: string, length: number, minioQuirks: boolean): ByteRange {
  const match = /^bytes=(\d+)-(\d+)$/.exec(header)
  if (match === null || Number(match[2]) < Number(match[1])) {
    throw new StoreError('InvalidArgument', {
      message:
        'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy'
    })
  }
  const [first, last] = [Number(match[1]), Number(match[2])]
  if (last >= length)
    throw new StoreError(minioQuirks ? 'InvalidArgument' : 'InvalidRange', {
      status: 400,
      message: 'The range specified is not valid for the source object'
    })
  return { first, last }
}
