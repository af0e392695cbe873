/** What the one line of a request costs, held back and written, beside pino's way to the same line. Run: node bench/log-line.ts */
import { createHash } from 'node:crypto'
import { openSync } from 'node:fs'
import { pino } from 'pino'
import { newAccessRecord, type AccessRecord } from '../proxy/observe/access-record.ts'
import { LineWriter } from '../proxy/observe/line-writer.ts'
import { createLog } from '../proxy/observe/log.ts'
import { createRequestLines } from '../proxy/observe/request-line.ts'
import { calibrate, measure, report } from './measure.ts'

const CALLS = 50_000
const RECORDS = 64

function recordOf(i: number): AccessRecord {
  const rawHeaders = [
    'Host',
    's3.test',
    'User-Agent',
    `aws-sdk-js/3.1169.0 ua/2.1 os/linux lang/js md/nodejs#24.21.0 api/s3#3.1169.0 m/E,${i % 2}`
  ]
  const head = { method: 'GET', rawTarget: '/', rawHeaders, remoteAddress: `192.0.2.${i % 4}`, secure: false }
  return {
    ...newAccessRecord((0x8f00_0000_0000_0000n + BigInt(i)).toString(16).toUpperCase(), new Date(1_795_600_000_000 + i * 7), head),
    ...{
      operation: 'GetObject',
      tenant: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      key: `reports/2026/${i}.parquet`,
      wayIn: 'header-signature'
    },
    ...{ subject: 'system:serviceaccount:billing:invoicer', issuer: 'cluster', role: 'app', session: 's-0123456789abcdef' },
    ...{ statement: 'ReadOwn', account: 'main', status: 200, bytesOut: 1024, durationMs: 1.2345 + i, timeToFirstByteMs: 1.1 + i },
    ...{ upstreamRequests: 1, upstreamRequestId: `17C0FE1A2B3C${1000 + i}`, complete: true }
  }
}

const records = Array.from({ length: RECORDS }, (_, i) => recordOf(i))
const nowhere = openSync('/dev/null', 'w')
const writer = new LineWriter({ destination: nowhere, flushMs: 250, heldBytesMax: 2 ** 30 })
const log = createLog({ destination: '/dev/null', level: 'info', keys: false, flushMs: 250 })
const quiet = createLog({ destination: '/dev/null', level: 'warn', keys: false, flushMs: 250 })
const destination = pino.destination({ dest: nowhere, sync: false, minLength: 4096 })
const logger = pino({ level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
const lineOf = createRequestLines(false)
const line = lineOf(recordOf(0))

let next = 0
const record = (): AccessRecord => records[(next = (next + 1) % RECORDS)] ?? recordOf(0)

function byPino({ key, startedAt, ...rest }: AccessRecord): number {
  const keyHash = createHash('sha256')
    .update(key ?? '')
    .digest('hex')
    .slice(0, 16)
  logger.info({ ...rest, startedAt: startedAt.toISOString(), keyHash }, 'request')
  return 1
}

/** Rounds in turn with the other threads: what is written waits for them, and would fill memory in a loop that never ends its turn. */
async function measureTurns(call: () => number): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 3; round += 1) {
    times.push(measure(call, CALLS / 10))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return times.sort((a, b) => a - b)[1] ?? 0
}

const calibration = calibrate()
report(
  'make the line',
  measure(() => lineOf(record()).length, CALLS),
  calibration
)
report('hold it back and write it', await measureTurns(() => (writer.write(line), 1)), calibration)
report('log.request', await measureTurns(() => (log.request(record()), 1)), calibration)
report(
  'log.request below the level',
  measure(() => (quiet.request(record()), 1), CALLS),
  calibration
)
report('the same line by pino', await measureTurns(() => byPino(record())), calibration)
await Promise.all([writer.close(), log.close(), quiet.close()])
