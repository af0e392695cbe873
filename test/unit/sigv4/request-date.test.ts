import t from 'tap'
import { checkSkew, findDate, parseAmzDate } from '../../../proxy/sigv4/request-date.ts'

const FOUND = [
  { why: 'X-Amz-Date', headers: ['x-AMZ-date', '20130524T010203Z'], text: '20130524T010203Z' },
  { why: 'Date as an HTTP-date', headers: ['Date', 'Fri, 24 May 2013 01:02:03 GMT'], text: '20130524T010203Z' },
  { why: 'Date in the basic form', headers: ['date', '20130524T010203Z'], text: '20130524T010203Z' },
  {
    why: 'X-Amz-Date before Date',
    headers: ['Date', 'Sat, 25 May 2013 00:00:00 GMT', 'X-Amz-Date', '20130524T010203Z'],
    text: '20130524T010203Z'
  },
  { why: 'a leap day', headers: ['x-amz-date', '20240229T235959Z'], text: '20240229T235959Z' }
]
for (const { why, headers, text } of FOUND) {
  t.test(`the date of a request is found: ${why}`, async (t) => {
    const date = findDate(headers)
    t.equal(date.text, text)
    t.equal(date.day, text.slice(0, 8))
    t.equal(date.timeMs, parseAmzDate(text)?.timeMs)
  })
}

t.test('a date names the time it says', async (t) => {
  t.equal(parseAmzDate('20130524T010203Z')?.timeMs, Date.parse('2013-05-24T01:02:03Z'))
})

const REFUSED = [
  { why: 'none', headers: ['Host', 'a'] },
  { why: 'a word', headers: ['x-amz-date', 'Bad Date'] },
  { why: 'nothing in it', headers: ['x-amz-date', ''] },
  { why: 'an extended ISO date', headers: ['x-amz-date', '2013-05-24T01:02:03Z'] },
  { why: 'an HTTP-date in X-Amz-Date', headers: ['x-amz-date', 'Fri, 24 May 2013 01:02:03 GMT'] },
  { why: 'a bad X-Amz-Date beside a good Date', headers: ['x-amz-date', 'x', 'Date', 'Fri, 24 May 2013 01:02:03 GMT'] },
  { why: 'two X-Amz-Date', headers: ['x-amz-date', '20130524T010203Z', 'X-Amz-Date', '20130524T010203Z'] },
  { why: 'two Date', headers: ['date', '20130524T010203Z', 'Date', '20130524T010203Z'] },
  { why: 'a day the month has not', headers: ['x-amz-date', '20130230T000000Z'] },
  { why: 'a month the year has not', headers: ['x-amz-date', '20131301T000000Z'] },
  { why: 'hour 24', headers: ['x-amz-date', '20130524T240000Z'] },
  { why: 'second 60', headers: ['x-amz-date', '20130524T000060Z'] },
  { why: 'no zone', headers: ['x-amz-date', '20130524T000000'] },
  { why: 'another zone', headers: ['date', 'Fri, 24 May 2013 01:02:03 CET'] },
  { why: 'a month nobody knows', headers: ['date', 'Fri, 24 Mai 2013 01:02:03 GMT'] },
  { why: 'something behind it', headers: ['x-amz-date', '20130524T000000Z\n'] }
]
for (const { why, headers } of REFUSED) {
  t.test(`a request without a usable date is refused: ${why}`, async (t) => {
    t.throws(() => findDate(headers), {
      kind: 'missing-date',
      code: 'AccessDenied',
      message: 'AWS authentication requires a valid Date or x-amz-date header'
    })
  })
}

const MINUTE = 60_000
for (const { offsetMs, accepted } of [
  { offsetMs: 0, accepted: true },
  { offsetMs: 15 * MINUTE, accepted: true },
  { offsetMs: -15 * MINUTE, accepted: true },
  { offsetMs: 15 * MINUTE + 1, accepted: false },
  { offsetMs: -15 * MINUTE - 1, accepted: false },
  { offsetMs: 30 * 24 * 60 * MINUTE, accepted: false }
]) {
  t.test(`a clock ${offsetMs} ms from the request's date is ${accepted ? 'near enough' : 'too far off'}`, async (t) => {
    const date = findDate(['x-amz-date', '20130524T010203Z'])
    const check = (): void => checkSkew(date, new Date(date.timeMs + offsetMs))
    if (accepted) t.doesNotThrow(check)
    else
      t.throws(check, {
        kind: 'skew',
        code: 'RequestTimeTooSkewed',
        extra: { RequestTime: '20130524T010203Z', MaxAllowedSkewMilliseconds: '900000' }
      })
  })
}
