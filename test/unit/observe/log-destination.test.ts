import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { Ending } from './log-process.ts'

const PROCESS = join(import.meta.dirname, 'log-process.ts')

interface Logging {
  readonly ending: Ending
  readonly count: number
  readonly stdout?: 'blocking' | 'non-blocking'
}

function start({ ending, count, stdout = 'blocking' }: Logging, destination: 'pipe' | number): ChildProcess {
  return fork(PROCESS, [ending, String(count), stdout], { stdio: ['ignore', destination, 'ignore', 'ipc'] })
}

async function told(child: ChildProcess): Promise<{ tookMs: number; dropped: number; rss: number }> {
  const [message] = (await once(child, 'message')) as [{ tookMs: number; dropped: number; rss: number }]
  return message
}

/** The numbers of the lines, each of which is whole. */
function numbersOf(written: string): readonly number[] {
  if (!written.endsWith('\n')) throw new Error(`the last line is not whole: ${written.slice(-100)}`)
  return written
    .trimEnd()
    .split('\n')
    .map((line) => Number((JSON.parse(line) as { readonly requestId: string }).requestId))
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

for (const ending of ['close', 'exit', 'crash'] as const) {
  t.test(`every line is written, in order, whether by request or event, when the process ends by ${ending}`, async (t) => {
    const COUNT = 3210
    const file = join(t.testdir(), 'log')
    const fd = openSync(file, 'a')
    const child = start({ ending, count: COUNT }, fd)
    closeSync(fd)
    const ended = once(child, 'exit')
    await told(child)
    if (ending === 'close') child.send('close')
    const [code] = (await ended) as [number]
    t.equal(code, ending === 'crash' ? 1 : 0)
    t.strictSame(numbersOf(readFileSync(file, 'utf8')), upTo(COUNT))
  })
}

for (const stdout of ['blocking', 'non-blocking'] as const) {
  t.test(`a reader that stalls costs lines, never time or memory (${stdout} writes)`, async (t) => {
    const COUNT = 40_000
    const child = start({ ending: 'close', count: COUNT, stdout }, 'pipe')
    if (child.stdout === null) throw new Error('nothing can be read')
    const { dropped, tookMs, rss } = await told(child)
    t.ok(dropped > COUNT / 2, `${dropped} lines were dropped`)
    t.ok(tookMs < 20_000, `${COUNT} lines took ${tookMs} ms`)
    t.ok(rss < 200 * 2 ** 20, `the process has ${rss} bytes`)
    const reading = text(child.stdout)
    const done = told(child)
    child.send('close')
    const { dropped: droppedInAll } = await done
    const numbers = numbersOf(await reading)
    t.equal(droppedInAll, dropped, 'what was held is written once the reader reads again')
    t.equal(numbers.length + dropped, COUNT, 'each line is written or counted as lost')
    t.strictSame(
      numbers,
      [...numbers].sort((a, b) => a - b),
      'and those that are written are in order'
    )
  })
}

t.test('a reader that is gone costs lines and nothing else', async (t) => {
  const child = start({ ending: 'close', count: 20_000 }, 'pipe')
  child.stdout?.destroy()
  const ended = once(child, 'exit')
  const { dropped } = await told(child)
  t.ok(dropped > 5000, `${dropped} lines were dropped`)
  const done = told(child)
  child.send('close')
  t.equal((await done).dropped, 20_000)
  t.strictSame(await ended, [0, null])
})
