import fc from 'fast-check'
import { test } from 'tap'
import { compareUtf8, ObjectIndex, type Version } from '../../../../proxy/dev/store/state.ts'

test('keys compare as their UTF-8 bytes do', (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 6 })
  fc.assert(
    fc.property(text, text, (one, other) => Math.sign(compareUtf8(one, other)) === Buffer.compare(Buffer.from(one), Buffer.from(other))),
    { numRuns: 500 }
  )
  t.ok(compareUtf8('\uffff', '\u{10000}') < 0, 'where UTF-16 would say otherwise')
  t.end()
})

test('an index lists its keys in order whatever the order of writing', (t) => {
  const keys = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 20 })
  fc.assert(
    fc.property(keys, (written) => {
      const index = new ObjectIndex()
      for (const key of written) index.set(key, [{ key } as Version])
      for (const key of written.slice(0, 3)) index.set(key, [])
      const sorted = written.slice(3).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      return JSON.stringify(index.keys) === JSON.stringify(sorted)
    }),
    { numRuns: 100 }
  )
  t.end()
})
