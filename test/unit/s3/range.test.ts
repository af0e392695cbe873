import t from 'tap'
import { checkCopyRange, parseCopyRange, parseRange, type ByteRange } from '../../../proxy/s3/range.ts'

const RANGES: readonly [header: string, size: number, meaning: ByteRange | 'ignored' | 'unsatisfiable'][] = [
  ['bytes=0-0', 10, { first: 0, last: 0 }],
  ['bytes=2-5', 10, { first: 2, last: 5 }],
  ['bytes=2-', 10, { first: 2, last: 9 }],
  ['bytes=2-99', 10, { first: 2, last: 9 }],
  ['bytes=2-99999999999999999999', 10, { first: 2, last: 9 }],
  ['bytes=-3', 10, { first: 7, last: 9 }],
  ['bytes=-99', 10, { first: 0, last: 9 }],
  ['Bytes=0-1', 10, { first: 0, last: 1 }],
  ['bytes=10-5', 100, 'ignored'],
  ['bytes=a-b', 10, 'ignored'],
  ['items=0-1', 10, 'ignored'],
  ['bytes=0-1,3-4', 10, 'ignored'],
  ['bytes=-', 10, 'ignored'],
  ['bytes=', 10, 'ignored'],
  ['bytes 0-1', 10, 'ignored'],
  ['0-1', 10, 'ignored'],
  ['', 10, 'ignored'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=10-20', 10, 'unsatisfiable'],
  ['bytes=99999999999999999999-', 10, 'unsatisfiable'],
  ['bytes=0-0', 0, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-0', 0, 'unsatisfiable'],
  ['bytes=-1', 0, 'ignored']
]
for (const [header, size, meaning] of RANGES) {
  t.test(`"${header}" of ${size} bytes is ${JSON.stringify(meaning)}`, async (t) => t.same(parseRange(header, size), meaning))
}

t.test('a copy range has both ends', async (t) => t.same(parseCopyRange('bytes=5-9'), { first: 5, last: 9 }))
for (const header of [
  '',
  'bytes=5-',
  'bytes=-5',
  'bytes=9-5',
  'bytes=0-1,2-3',
  'items=0-1',
  'bytes=a-b',
  '0-5',
  'bytes=0-9999999999999999'
]) {
  t.test(`"${header}" is no copy range`, async (t) => {
    t.throws(() => parseCopyRange(header), { name: 'S3Error', code: 'InvalidArgument' })
  })
}
t.test('a copy range past the end of the source is refused', async (t) => {
  checkCopyRange({ first: 0, last: 9 }, 10)
  t.throws(() => checkCopyRange({ first: 0, last: 10 }, 10), { code: 'InvalidRange', status: 416 })
})
