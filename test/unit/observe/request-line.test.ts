import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import type { AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createRequestLines, levelOf, quoted } from '../../../proxy/observe/request-line.ts'

/** The line that pino writes of a record, field by field: what lines are compared with. */
function pinoLine(record: AccessRecord, keys: boolean): string {
  let line = ''
  const logger = pino(
    { level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (text: string) => void (line = text) }
  )
  const { startedAt, key, droppedHeaders, durationMs, timeToFirstByteMs, complete, userAgent, remoteAddress, ...rest } = record
  const { requestId, method, operation, tenant, wayIn, ...others } = rest
  const { subject, issuer, role, session, statement, account, status, errorCode, reason, bytesIn, bytesOut, ...upstream } = others
  const ms = (value: number): number => Math.round(value * 1000) / 1000
  const hashed = key === null ? '' : createHash('sha256').update(key).digest('hex').slice(0, 16)
  logger[levelOf(record)](
    {
      ...{ requestId, startedAt: startedAt.toISOString(), method, operation, tenant },
      ...(key === null ? {} : keys ? { key } : { keyHash: hashed }),
      ...{ wayIn, subject, issuer, role, session, statement, account, status, errorCode, reason, bytesIn, bytesOut },
      ...{ durationMs: ms(durationMs), timeToFirstByteMs: timeToFirstByteMs === null ? null : ms(timeToFirstByteMs) },
      ...{ upstreamRequests: upstream.upstreamRequests, upstreamRequestId: upstream.upstreamRequestId, userAgent, remoteAddress },
      ...(droppedHeaders.length === 0 ? {} : { droppedHeaders }),
      complete
    },
    'request'
  )
  // Of short text pino lets half a character stand, which no UTF-8 can hold; JSON.stringify escapes it always.
  return line.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`)
}

/** Text with what JSON escapes in it, lone surrogates too. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\u0000', '\u001f', '\u007f', '\u2028', '\ud800', '\udc00', 'a', 'é'),
    maxLength: 60
  }),
  fc.constantFrom('', 'GetObject', 'system:serviceaccount:billing:invoicer')
)
const textOrNull = fc.option(text)
const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(0, -0, 2 ** 53, 1e21, 1e-7, Number.NaN, Number.POSITIVE_INFINITY))
const records: fc.Arbitrary<AccessRecord> = fc.record({
  ...{
    requestId: text,
    startedAt: fc.date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('9999-01-01T00:00:00Z'), noInvalidDate: true }),
    method: text,
    remoteAddress: text,
    userAgent: textOrNull
  },
  ...{ operation: textOrNull, tenant: textOrNull, key: textOrNull, wayIn: textOrNull, subject: textOrNull, issuer: textOrNull },
  ...{ role: textOrNull, session: textOrNull, statement: textOrNull, account: textOrNull, errorCode: textOrNull, reason: textOrNull },
  ...{
    status: fc.integer({ min: 0, max: 999 }),
    bytesIn: number,
    bytesOut: number,
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true })
  },
  ...{ timeToFirstByteMs: fc.option(number), upstreamRequests: number, upstreamRequestId: textOrNull },
  ...{ droppedHeaders: fc.array(text, { maxLength: 5 }), complete: fc.boolean(), trace: fc.constant(null) }
})

const TIME = /"time":"[^"]*"/

t.test('a line is, to the byte, what pino writes of the same record, its time aside', (t) => {
  for (const keys of [true, false]) {
    // One maker for all: what it keeps of one line must not show in the next.
    const lineOf = createRequestLines(keys)
    fc.assert(
      fc.property(records, (record) => {
        const line = lineOf(record)
        t.equal(line.replace(TIME, ''), pinoLine(record, keys).replace(TIME, ''))
        t.equal(lineOf(record), line, 'the same again')
      }),
      { numRuns: 500 }
    )
  }
  t.end()
})

t.test('text is quoted as JSON.stringify quotes it', (t) => {
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    const text = `a${String.fromCharCode(unit)}b`
    if (quoted(text) !== JSON.stringify(text)) t.fail(`code unit ${unit.toString(16)}`)
  }
  t.equal(quoted('😀'), '"😀"')
  t.end()
})

t.test('the time of a line is when its request ended', (t) => {
  const lineOf = createRequestLines(false)
  const CASES = [
    { startedAt: '2026-01-01T00:00:00.000Z', durationMs: 0.4, time: '2026-01-01T00:00:00.000Z' },
    { startedAt: '2026-01-01T00:00:00.009Z', durationMs: 1.2, time: '2026-01-01T00:00:00.010Z' },
    { startedAt: '2026-01-01T00:00:00.900Z', durationMs: 99.6, time: '2026-01-01T00:00:01.000Z' },
    { startedAt: '2025-12-31T23:59:59.999Z', durationMs: 3_600_000, time: '2026-01-01T00:59:59.999Z' },
    { startedAt: '2026-01-01T00:00:00.100Z', durationMs: 0, time: '2026-01-01T00:00:00.100Z' }
  ]
  const [sample] = fc.sample(records, 1)
  if (sample === undefined) throw new Error('no record was made')
  for (const { startedAt, durationMs, time } of CASES) {
    const line = JSON.parse(lineOf({ ...sample, startedAt: new Date(startedAt), durationMs })) as Record<string, unknown>
    t.strictSame([line['startedAt'], line['time']], [startedAt, time])
  }
  t.end()
})
