import { PayloadProblem } from './problem.ts'

/** A limit on what a client can put behind the last chunk. */
export const TRAILER_BYTES_MAX = 8 * 1024

export const TRAILER_SIGNATURE = 'x-amz-trailer-signature'

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

/** The lower-case names that x-amz-trailer announces; throws `PayloadProblem` when the list is malformed. */
export function parseTrailerNames(amzTrailer: string | undefined): readonly string[] {
  if (amzTrailer === undefined) return []
  const names = amzTrailer.split(',').map((name) => name.trim().toLowerCase())
  const wellFormed = names.every((name, index) => NAME.test(name) && names.indexOf(name) === index && name !== TRAILER_SIGNATURE)
  if (!wellFormed) throw malformedTrailer()
  return names
}

/**
 * The trailers behind the last chunk, lower-case name to value. Exactly the announced ones; with `signed` the signature too.
 * Line ends are CRLF or, as minio-go and the S3 documentation have it, LF with an empty line behind.
 */
export function parseTrailers(
  block: string,
  expected: { readonly names: readonly string[]; readonly signed: boolean }
): ReadonlyMap<string, string> {
  if (!block.endsWith('\n')) throw new PayloadProblem('incomplete', 'The request body ends within its trailer.')
  const trailers = new Map<string, string>()
  for (const line of block.split(/\r?\n/)) {
    if (line === '') continue
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    if (!NAME.test(name) || trailers.has(name.toLowerCase()) || /[\r\0]/.test(line)) throw malformedTrailer()
    trailers.set(name.toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
  }
  const due = expected.signed ? [...expected.names, TRAILER_SIGNATURE] : expected.names
  if (trailers.size !== due.length || !due.every((name) => trailers.has(name))) throw malformedTrailer()
  return trailers
}

/** The text that a trailer signature covers. */
export function canonicalTrailer(trailers: ReadonlyMap<string, string>): string {
  const names = [...trailers.keys()].filter((name) => name !== TRAILER_SIGNATURE).sort()
  return names.map((name) => `${name}:${trailers.get(name) ?? ''}\n`).join('')
}

function malformedTrailer(): PayloadProblem {
  return new PayloadProblem(
    'trailer',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.'
  )
}
