import fc from 'fast-check'
import t from 'tap'
import { ANY, ONE, compileGlob, type GlobToken, type Meter } from '../../../policy/glob.ts'

/** `*` and `?` are wildcards, everything else is itself. */
function tokensOf(pattern: string): GlobToken[] {
  return Array.from(pattern, (character) => (character === '*' ? ANY : character === '?' ? ONE : character))
}

function asRegExp(pattern: string): RegExp {
  const source = Array.from(pattern, (character) => {
    if (character === '*') return '.*'
    return character === '?' ? '.' : character.replace(/[\\^$.|()[\]{}+/-]/u, String.raw`\$&`)
  })
  return new RegExp(`^${source.join('')}$`, 'su')
}

const matches = (pattern: string, text: string): boolean => compileGlob(tokensOf(pattern))(text)

const CASES = [
  { pattern: '', text: '', holds: true },
  { pattern: '', text: 'a', holds: false },
  { pattern: '*', text: '', holds: true },
  { pattern: '***', text: 'a\nb', holds: true },
  { pattern: 'a*a', text: 'a', holds: false },
  { pattern: 'a*a', text: 'aa', holds: true },
  { pattern: 'ab*ba', text: 'aba', holds: false },
  { pattern: '*ab*ab', text: 'ab', holds: false },
  { pattern: '*ab*ab*', text: 'xabab', holds: true },
  { pattern: '*a*b*', text: 'ba', holds: false },
  { pattern: '?', text: '', holds: false },
  { pattern: '?', text: '😀', holds: true },
  { pattern: '??', text: '😀', holds: false },
  { pattern: '*?*', text: '', holds: false },
  { pattern: '*a?c*', text: 'aabcc', holds: true },
  { pattern: 'a.c', text: 'abc', holds: false },
  { pattern: 'a[b]', text: 'ab', holds: false }
]
for (const { pattern, text, holds } of CASES) {
  t.test(`${JSON.stringify(pattern)} ${holds ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, (t) => {
    t.equal(matches(pattern, text), holds)
    t.end()
  })
}

t.test('a glob agrees with the regular expression of the same meaning', (t) => {
  const alphabet = fc.constantFrom('a', 'b', '😀', '.', '\n')
  const pattern = fc.string({
    unit: fc.oneof({ weight: 3, arbitrary: alphabet }, { weight: 2, arbitrary: fc.constantFrom('*', '?') }),
    maxLength: 12
  })
  const text = fc.string({ unit: alphabet, maxLength: 12 })
  fc.assert(
    fc.property(pattern, text, (pattern, text) => matches(pattern, text) === asRegExp(pattern).test(text)),
    { numRuns: 3000 }
  )
  t.end()
})

t.test('a glob made from a text by leaving parts out matches that text, also where segments span several machine words', (t) => {
  const parts = fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 }), fc.constantFrom('*', '?', '')), {
    maxLength: 6
  })
  fc.assert(
    fc.property(parts, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 }), (parts, filling) => {
      const text = parts.map(([literal, hole]) => literal + (hole === '*' ? filling : hole === '?' ? 'b' : '')).join('')
      const pattern = parts.map(([literal, hole]) => literal + hole).join('')
      return matches(pattern, text) && matches(pattern, `${text}a`) === asRegExp(pattern).test(`${text}a`)
    }),
    { numRuns: 500 }
  )
  t.end()
})

const HOSTILE = [
  { why: 'many stars that almost fit', pattern: '*a'.repeat(500) + 'b', text: 'a'.repeat(1000) },
  { why: 'many stars with question marks', pattern: '*a?'.repeat(300) + 'b', text: 'a'.repeat(1000) },
  { why: 'one long segment that fails at its end', pattern: `*${'a'.repeat(900)}b*`, text: 'a'.repeat(1000) },
  { why: 'one long segment with a question mark', pattern: `*?${'a'.repeat(900)}b*`, text: 'a'.repeat(1000) },
  { why: 'a segment of just the length for indexOf', pattern: `*${'a'.repeat(31)}b*`, text: 'a'.repeat(1000) },
  { why: 'question marks alone', pattern: `${'*?'.repeat(700)}b*`, text: 'a'.repeat(1000) }
]
for (const { why, pattern, text } of HOSTILE) {
  t.test(`the work of a hostile pattern stays in proportion to the text: ${why}`, (t) => {
    const meter: Meter = { steps: 0 }
    t.equal(compileGlob(tokensOf(pattern))(text, meter), false)
    t.ok(meter.steps <= (text.length + pattern.length) * (1 + Math.ceil(pattern.length / 32)), `${meter.steps} steps`)
    // What backtracking would need is out of reach: the square of the text alone is already a million.
    t.ok(meter.steps < 60_000, `${meter.steps} steps`)
    t.end()
  })
}
