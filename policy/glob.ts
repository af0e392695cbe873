/** Stands for `*` in a pattern: any text, none included. */
export const ANY = Symbol('*')
/** Stands for `?` in a pattern: exactly one character (a Unicode code point). */
export const ONE = Symbol('?')

export type GlobToken = string | typeof ANY | typeof ONE

/** Counts the machine words that a match looked at, so that a test can bound the work without a clock. */
export interface Meter {
  steps: number
}

export type Glob = (text: string, meter?: Meter) => boolean

const WORD_BITS = 32
const ONE_POINT = -1

/** Up to here a segment is left to indexOf, whose worst case is this many comparisons per character. */
const PLAIN_LENGTH_MAX = 32

/**
 * The matcher of a pattern. It never backtracks: what stands between two stars is searched once from left to right
 * (the leftmost place leaves the most room for the next, so no other needs to be tried), so the work is at most text
 * length times 32 comparisons, or times pattern length / 32 machine words, however the two are made.
 */
export function compileGlob(tokens: readonly GlobToken[]): Glob {
  const segments = splitAtStars(tokens)
  const [head = [], ...rest] = segments
  const tail = rest.at(-1)
  const middles = rest.slice(0, -1).filter((segment) => segment.length > 0)
  const plain = !tokens.includes(ONE) && middles.every((segment) => segment.join('').length <= PLAIN_LENGTH_MAX)
  if (tail === undefined) return plain ? equalGlob(head.join('')) : anchoredGlob(pointsOf(head))
  if (plain)
    return plainGlob(
      head.join(''),
      middles.map((segment) => segment.join('')),
      tail.join('')
    )
  return segmentedGlob(pointsOf(head), middles.map(compileSearch), pointsOf(tail))
}

function equalGlob(wanted: string): Glob {
  return (text) => text === wanted
}

function plainGlob(head: string, middles: readonly string[], tail: string): Glob {
  return (text, meter) => {
    const end = text.length - tail.length
    if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false
    let from = head.length
    for (const middle of middles) {
      const found = text.indexOf(middle, from)
      if (meter !== undefined) meter.steps += (found < 0 ? text.length : found) - from + middle.length
      if (found < 0 || found + middle.length > end) return false
      from = found + middle.length
    }
    return true
  }
}

type Segment = (string | typeof ONE)[]

function splitAtStars(tokens: readonly GlobToken[]): Segment[] {
  const segments: Segment[] = [[]]
  for (const token of tokens) {
    if (token === ANY) segments.push([])
    else if (token !== '') segments.at(-1)?.push(token)
  }
  return segments
}

function pointsOf(segment: readonly (string | typeof ONE)[]): readonly number[] {
  return segment.flatMap((part) => (part === ONE ? [ONE_POINT] : codePoints(part)))
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

function anchoredGlob(pattern: readonly number[]): Glob {
  return (text, meter) => {
    const points = codePoints(text)
    return points.length === pattern.length && matchesAt(pattern, points, { at: 0, meter })
  }
}

function segmentedGlob(head: readonly number[], middles: readonly Search[], tail: readonly number[]): Glob {
  return (text, meter) => {
    const points = codePoints(text)
    const end = points.length - tail.length
    if (end < head.length) return false
    if (!matchesAt(head, points, { at: 0, meter }) || !matchesAt(tail, points, { at: end, meter })) return false
    let from = head.length
    for (const search of middles) {
      from = search(points, { from, end, meter })
      if (from < 0) return false
    }
    return true
  }
}

function matchesAt(
  pattern: readonly number[],
  points: readonly number[],
  { at, meter }: { at: number; meter: Meter | undefined }
): boolean {
  for (const [index, wanted] of pattern.entries()) {
    if (meter !== undefined) meter.steps++
    if (wanted !== ONE_POINT && wanted !== points[at + index]) return false
  }
  return true
}

/** Where the first match in [from, end) stops, or -1. */
type Search = (points: readonly number[], window: { from: number; end: number; meter: Meter | undefined }) => number

/** Bit i of a mask says that the pattern may have this character at i; bit i of the state, that the last i + 1 characters read match its beginning. */
function compileSearch(segment: Segment): Search {
  const pattern = pointsOf(segment)
  const { masks, other } = masksOf(pattern)
  const words = other.length
  const lastWord = words - 1
  const lastBit = 1 << ((pattern.length - 1) % WORD_BITS)
  return (points, { from, end, meter }) => {
    const state = new Int32Array(words)
    for (let index = from; index < end; index++) {
      const mask = masks.get(points[index] ?? 0) ?? other
      let carry = 1
      for (let word = 0; word < words; word++) {
        if (meter !== undefined) meter.steps++
        const before = state[word] ?? 0
        state[word] = ((before << 1) | carry) & (mask[word] ?? 0)
        carry = before >>> (WORD_BITS - 1)
      }
      if (((state[lastWord] ?? 0) & lastBit) !== 0) return index + 1
    }
    return -1
  }
}

function masksOf(pattern: readonly number[]): { masks: ReadonlyMap<number, Int32Array>; other: Int32Array } {
  const words = Math.ceil(pattern.length / WORD_BITS)
  const other = new Int32Array(words)
  for (const [index, point] of pattern.entries()) if (point === ONE_POINT) setBit(other, index)
  const masks = new Map<number, Int32Array>()
  for (const [index, point] of pattern.entries()) {
    if (point === ONE_POINT) continue
    const mask = masks.get(point) ?? other.slice()
    setBit(mask, index)
    masks.set(point, mask)
  }
  return { masks, other }
}

function setBit(words: Int32Array, bit: number): void {
  const word = Math.floor(bit / WORD_BITS)
  words[word] = (words[word] ?? 0) | (1 << (bit % WORD_BITS))
}
