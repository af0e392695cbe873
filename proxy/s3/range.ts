import { S3Error } from './error.ts'

/** Bytes of an object, both ends included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * What a `Range` header means for an object of `size` bytes. Wrong syntax, several ranges and other units are ignored
 * (the whole object is sent, status 200); what lies outside is unsatisfiable (416).
 */
export function parseRange(header: string, size: number): ByteRange | 'ignored' | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header.trim())
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return 'ignored'
  if (first === '') return suffixRange(Number(last), size)
  if (last !== '' && Number(last) < Number(first)) return 'ignored'
  if (Number(first) >= size) return 'unsatisfiable'
  return { first: Number(first), last: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

function suffixRange(length: number, size: number): ByteRange | 'ignored' | 'unsatisfiable' {
  if (length === 0) return 'unsatisfiable'
  // The last byte of an empty object: S3 sends 200 without Content-Range, since no range could be written.
  if (size === 0) return 'ignored'
  return { first: Math.max(0, size - length), last: size - 1 }
}

/** Reads `x-amz-copy-source-range`, which unlike `Range` must be `bytes=first-last` with both ends. */
export function parseCopyRange(header: string): ByteRange {
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header)
  const first = Number(match?.[1])
  const last = Number(match?.[2])
  if (match === null || last < first) {
    throw new S3Error('InvalidArgument', 'the copy range is not bytes=first-last', {
      Message:
        'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      ArgumentName: 'x-amz-copy-source-range'
    })
  }
  return { first, last }
}

/** Refuses a copy range that reaches past the end of its source. */
export function checkCopyRange({ first, last }: ByteRange, size: number): void {
  if (last < size) return
  throw new S3Error('InvalidRange', `copy range ${first}-${last} of a source of ${size} bytes`)
}
