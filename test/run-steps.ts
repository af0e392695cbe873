import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { COMPILE_CACHE } from './helpers/node-process.ts'

export interface Result {
  readonly passed: number
  readonly failed: number
}

export interface Step {
  readonly name: string
  /** A program of node_modules/.bin, or a path. */
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Tap suites report their own counts, other runs of steps say them in their last line; anything else counts as one. */
  readonly counts: 'tap' | 'line' | 'one'
  /** What the step waits for: more of its environment, and what is said of it. */
  readonly after?: Promise<{ readonly env: Readonly<Record<string, string>>; readonly lines: readonly string[] }>
}

/** Every client by every way in. */
export const MATRIX_SUITE = 'test/clients/matrix/**/*.test.ts'

/** The long list of steps with clients in other languages, and a browser. */
export const CLIENTS_SUITE = 'test/clients/{browser,python}/**/*.test.ts'

/** The tests of a file or folder: tap takes files and globs, and matches nothing by the name of a folder. */
export function globOf(path: string): string {
  return path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.test.ts`
}

const BIN = join(import.meta.dirname, '..', 'node_modules', '.bin')

/**
 * Runs the steps one after the other, with their progress, and prints `N passed, N failed` last. Other steps, which run beside
 * them one after the other, are shown when they end.
 */
export async function runSteps(steps: readonly Step[], beside: readonly Step[] = []): Promise<Result> {
  const [front, others] = await Promise.all([runLane(steps, (line) => print(line)), runLane(beside)])
  const passed = front.passed + others.passed
  const failed = front.failed + others.failed
  print(`${passed} passed, ${failed} failed`)
  return { passed, failed }
}

/** Without `say`, what a step says is kept until it has ended, so that two steps do not mix. */
async function runLane(steps: readonly Step[], say?: (line: string) => void): Promise<Result> {
  let passed = 0
  let failed = 0
  for (const step of steps) {
    const kept: string[] = []
    const tell = say ?? ((line: string): unknown => kept.push(line))
    const started = performance.now()
    tell(`${step.name} …`)
    const result = await runStep(step, (line) => void tell(`  ${line}`))
    passed += result.passed
    failed += result.failed
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    tell(`${step.name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`)
    for (const line of kept) print(line)
  }
  return { passed, failed }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function runStep(step: Step, say: (line: string) => void): Promise<Result> {
  const { env = {}, lines = [] } = (await step.after) ?? {}
  for (const line of lines) say(line)
  return new Promise((resolve) => {
    const command = step.command.includes('/') ? step.command : join(BIN, step.command)
    const child = spawn(command, step.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env, ...step.env, ...env }
    })
    const reader = READERS[step.counts](say)
    eachLine(child.stdout, (line) => reader.line(line))
    eachLine(child.stderr, say)
    child.on('error', () => resolve({ passed: 0, failed: 1 }))
    child.on('close', (code) => resolve(reader.result(code)))
  })
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take)
}

interface Reader {
  line(line: string): void
  result(code: number | null): Result
}

const READERS: Readonly<Record<Step['counts'], (say: (line: string) => void) => Reader>> = {
  tap: tapReader,
  line: lineReader,
  one: plainReader
}

function plainReader(say: (line: string) => void): Reader {
  return { line: say, result: (code) => (code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }) }
}

function lineReader(say: (line: string) => void): Reader {
  let counts: Result | null = null
  return {
    line(line) {
      say(line)
      const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? []
      counts = passed === undefined ? counts : { passed: Number(passed), failed: Number(failed) }
    },
    result: (code) => reconciled(counts ?? { passed: 0, failed: 1 }, code)
  }
}

/** Prints one line per finished file and everything about a failure; the counts are those of the last summary line. */
function tapReader(say: (line: string) => void): Reader {
  let counts: Result = { passed: 0, failed: 0 }
  let inFailure = false
  let indent = 0
  return {
    line(line) {
      const summary = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?/.exec(line)
      if (summary !== null) counts = { passed: Number(summary[2]), failed: Number(summary[3] ?? 0) }
      if (/^(not )?ok \d+ - test\//.test(line)) say(line)
      const failure = /^( *)not ok /.exec(line)
      if (failure !== null) {
        inFailure = true
        indent = failure[1]?.length ?? 0
        say(line)
      } else if (inFailure) {
        const depth = line.length - line.trimStart().length
        if (line.trim() !== '' && depth <= indent) inFailure = false
        else say(line)
      }
    },
    result: (code) => reconciled(counts, code)
  }
}

// A run that died before its summary must not look clean.
function reconciled(counts: Result, code: number | null): Result {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}
