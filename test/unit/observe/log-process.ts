/** A process that logs to standard output, for tests of how it does when that is slow, gone or the process ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import { composeLog } from '../../../proxy/compose/observe.ts'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'

export type Ending = 'close' | 'exit' | 'crash'

const [ending, count = '0', stdout] = process.argv.slice(2)
// As soon as it is touched, writes to it fail with EAGAIN instead of waiting.
if (stdout === 'non-blocking') process.stdout.write('')
const log = composeLog({ log: { level: 'info' } }, { destination: 1, keys: true })
const head = { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '192.0.2.1', secure: false }

function record(i: number): AccessRecord {
  return { ...newAccessRecord(String(i), new Date(0), head), key: 'é'.repeat(200), status: 200 }
}

const startedAt = performance.now()
for (let i = 0; i < Number(count); i += 1) {
  if (i % 100 === 99) log.event('warn', 'event', { requestId: String(i) })
  else log.request(record(i))
  // Requests come in turns, between which what was written can be told.
  if (i % 500 === 0) await new Promise(setImmediate)
}
const { promise, resolve } = Promise.withResolvers<void>()
process.once('message', resolve)
process.send?.({ tookMs: performance.now() - startedAt, dropped: log.linesDropped(), rss: process.memoryUsage().rss })
if (ending === 'exit') process.exit(0)
if (ending === 'crash') throw new Error('crash')
await promise
await log.close()
process.send?.({ dropped: log.linesDropped() })
await sleep(1)
process.disconnect()
