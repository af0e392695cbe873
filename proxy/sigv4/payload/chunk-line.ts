import { PayloadProblem } from './problem.ts'

/** What the line before a chunk says. */
export interface ChunkLine {
  readonly size: number
  /** Empty when the chunks are not signed. */
  readonly signature: string
}

/** Bounds what is kept of a line that has no end: 13 digits, the signature and CRLF need 96 bytes. */
export const CHUNK_LINE_BYTES_MAX = 128

// Sizes in either case (the .NET, Rust and CRT clients write upper case), no padding, exact in a double.
const UNSIGNED_LINE = /^(0|[1-9a-fA-F][0-9a-fA-F]{0,12})\r$/
const SIGNED_LINE = /^(0|[1-9a-fA-F][0-9a-fA-F]{0,12});chunk-signature=([0-9a-f]{64})\r$/

/** Reads a chunk's line, given without its LF; throws `PayloadProblem` for any other text. */
export function parseChunkLine(line: string, signed: boolean): ChunkLine {
  const fields = (signed ? SIGNED_LINE : UNSIGNED_LINE).exec(line)
  if (fields === null) throw new PayloadProblem('framing', 'The request body is not valid aws-chunked content.')
  return { size: parseInt(fields[1] as string, 16), signature: fields[2] ?? '' }
}
