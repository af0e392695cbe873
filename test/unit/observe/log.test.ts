import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createLog, type Log, type LogOptions } from '../../../proxy/observe/log.ts'

const CANARY = 'canary-5f2d'

function record(changes: Partial<AccessRecord> = {}): AccessRecord {
  const head = {
    method: 'GET',
    rawTarget: `/acme/secret?X-Amz-Signature=${CANARY}`,
    rawHeaders: ['Host', 's3.test', 'Authorization', CANARY, 'x-amz-security-token', CANARY, 'USER-AGENT', 'aws-cli/2'],
    remoteAddress: '192.0.2.1',
    secure: false
  }
  return { ...newAccessRecord('0123456789ABCDEF', new Date(Date.UTC(2026, 0, 1)), head), ...changes }
}

async function written(t: Test, write: (log: Log) => void, options: Partial<LogOptions> = {}): Promise<Record<string, unknown>[]> {
  const destination = join(t.testdir(), 'log')
  const log = createLog({ destination, level: 'info', keys: false, flushMs: 60_000, ...options })
  write(log)
  await log.close()
  return readFileSync(destination, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

t.test('a request is one line of the fields that are named, and no header or target is among them', async (t) => {
  const [line] = await written(t, (log) => log.request(record({ key: 'reports/x', status: 200, ...{ surprise: CANARY } })))
  t.match(line, {
    level: 30,
    requestId: '0123456789ABCDEF',
    method: 'GET',
    status: 200,
    userAgent: 'aws-cli/2',
    remoteAddress: '192.0.2.1'
  })
  t.notMatch(JSON.stringify(line), new RegExp(CANARY))
  t.notMatch(JSON.stringify(line), /secret/)
})

t.test('an object key is hashed unless keys are to be written', async (t) => {
  const [hashed, again, other] = await written(t, (log) => {
    log.request(record({ key: 'reports/x' }))
    log.request(record({ key: 'reports/x' }))
    log.request(record({ key: 'reports/y' }))
  })
  t.notMatch(JSON.stringify(hashed), /reports/)
  t.match(hashed?.['keyHash'], /^[0-9a-f]{16}$/)
  t.equal(hashed?.['keyHash'], again?.['keyHash'])
  t.not(hashed?.['keyHash'], other?.['keyHash'])
  const [plain] = await written(t, (log) => log.request(record({ key: 'reports/x' })), { keys: true })
  t.equal(plain?.['key'], 'reports/x')
})

t.test('the level of a line follows the status', async (t) => {
  const CASES = [
    { status: 200, level: 30 },
    { status: 304, level: 30 },
    { status: 403, level: 40 },
    { status: 499, level: 40 },
    { status: 500, level: 50 },
    { status: 502, level: 50 },
    { status: 503, level: 40 }
  ]
  const all = await written(t, (log) => CASES.forEach(({ status }) => log.request(record({ status }))))
  t.strictSame(
    all.map((line) => ({ status: line['status'], level: line['level'] })),
    CASES
  )
})

t.test('a fault is written with its causes', async (t) => {
  const [line, odd] = await written(t, (log) => {
    log.fault(new Error('outer', { cause: new TypeError('inner') }), record())
    log.fault('text', null)
  })
  t.match(line, {
    requestId: '0123456789ABCDEF',
    fault: [
      { name: 'Error', message: 'outer' },
      { name: 'TypeError', message: 'inner' }
    ]
  })
  t.match(odd, { requestId: null, fault: [{ message: 'text' }] })
})

t.test('what is held back is written at the close', async (t) => {
  const all = await written(t, (log) => {
    for (let i = 0; i < 200; i += 1) log.request(record({ bytesOut: i }))
    log.event('info', 'draining', { requestsUnderWay: 2 })
  })
  t.equal(all.length, 201)
  t.match(all.at(-1), { msg: 'draining', requestsUnderWay: 2 })
})
