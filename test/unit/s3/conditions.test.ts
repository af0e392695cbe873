import t from 'tap'
import {
  copySourceConditions,
  deleteCondition,
  hasConditions,
  judgeConditions,
  judgeCopyConditions,
  readConditions,
  writeCondition
} from '../../../proxy/s3/conditions.ts'
import { HeaderView } from '../../../proxy/s3/header-view.ts'
import { parseHttpDate } from '../../../proxy/s3/http-date.ts'

const OBJECT = { etag: '"abc"', lastModified: 'Sun, 22 Nov 2026 08:00:00 GMT' }
const BEFORE = 'Sun, 22 Nov 2026 07:59:59 GMT'
const SAME = OBJECT.lastModified
const AFTER = 'Sun, 22 Nov 2026 08:00:01 GMT'

const JUDGED: readonly [headers: readonly string[], read: 'pass' | 304 | 412, copy: 'pass' | 412][] = [
  [[], 'pass', 'pass'],
  [['if-match', '"abc"'], 'pass', 'pass'],
  [['if-match', 'abc'], 'pass', 'pass'],
  [['if-match', '*'], 'pass', 'pass'],
  [['if-match', '"x", "abc"'], 'pass', 'pass'],
  [['if-match', '"x"'], 412, 412],
  [['if-match', ''], 412, 412],
  [['if-none-match', '"abc"'], 304, 412],
  [['if-none-match', 'W/"abc"'], 304, 412],
  [['if-none-match', 'abc'], 304, 412],
  [['if-none-match', '*'], 304, 412],
  [['if-none-match', '"x"'], 'pass', 'pass'],
  [['if-modified-since', BEFORE], 'pass', 'pass'],
  [['if-modified-since', SAME], 304, 412],
  [['if-modified-since', AFTER], 304, 412],
  [['if-unmodified-since', BEFORE], 412, 412],
  [['if-unmodified-since', SAME], 'pass', 'pass'],
  [['if-unmodified-since', AFTER], 'pass', 'pass'],
  [['if-modified-since', 'yesterday'], 'pass', 'pass'],
  [['if-unmodified-since', '2026-11-22'], 'pass', 'pass'],
  // How they combine (behaviour of S3, RFC 9110 section 13.2.2).
  [['if-match', '"abc"', 'if-unmodified-since', BEFORE], 'pass', 'pass'],
  [['if-match', '"x"', 'if-unmodified-since', AFTER], 412, 412],
  [['if-match', '"x"', 'if-none-match', '"abc"'], 412, 412],
  [['if-match', '"abc"', 'if-none-match', '"abc"'], 304, 412],
  [['if-none-match', '"abc"', 'if-modified-since', BEFORE], 304, 412],
  [['if-none-match', '"x"', 'if-modified-since', AFTER], 'pass', 'pass'],
  [['if-unmodified-since', BEFORE, 'if-none-match', '"abc"'], 412, 412]
]
for (const [headers, read, copy] of JUDGED) {
  t.test(`${headers.join(' ') || 'no condition'} gives ${read} to a read and ${copy} to a copy`, async (t) => {
    t.equal(judgeConditions(readConditions(new HeaderView(headers)), OBJECT), read)
    const prefixed = headers.map((text, index) => (index % 2 === 0 ? `x-amz-copy-source-${text}` : text))
    t.equal(judgeCopyConditions(copySourceConditions(new HeaderView(prefixed)), OBJECT), copy)
    t.equal(hasConditions(readConditions(new HeaderView(headers))), headers.length > 0)
    t.equal(hasConditions(readConditions(new HeaderView(prefixed))), false)
  })
}

t.test('a write knows If-Match, or If-None-Match with a star', async (t) => {
  t.same(writeCondition(new HeaderView([])), { kind: 'none' })
  t.same(writeCondition(new HeaderView(['If-None-Match', '*'])), { kind: 'absent' })
  t.same(writeCondition(new HeaderView(['If-Match', '"abc"'])), { kind: 'match', etag: '"abc"' })
  t.throws(() => writeCondition(new HeaderView(['If-None-Match', '"abc"'])), { code: 'NotImplemented' })
  t.throws(() => writeCondition(new HeaderView(['If-None-Match', '*', 'If-Match', '"abc"'])), { code: 'NotImplemented' })
})
t.test('a delete knows If-Match alone', async (t) => {
  t.same(deleteCondition(new HeaderView(['If-Match', '*'])), { kind: 'match', etag: '*' })
  t.throws(() => deleteCondition(new HeaderView(['If-None-Match', '*'])), { code: 'NotImplemented' })
})

const DATES: readonly [text: string, milliseconds: number | null][] = [
  ['Sun, 06 Nov 1994 08:49:37 GMT', 784111777000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 784111777000],
  ['Sun Nov  6 08:49:37 1994', 784111777000],
  ['Sun, 06 Nov 1994 08:49:37 +0000', 784111777000],
  ['Sun, 31 Feb 1994 08:49:37 GMT', null],
  ['Sun, 06 Foo 1994 08:49:37 GMT', null],
  ['Sun, 06 Nov 1994 24:49:37 GMT', null],
  ['1994-11-06T08:49:37Z', null],
  ['784111777', null],
  ['', null]
]
for (const [text, milliseconds] of DATES) {
  t.test(`"${text}" is ${milliseconds === null ? 'no date' : 'a date'}`, async (t) => t.equal(parseHttpDate(text), milliseconds))
}
