import { spawn } from 'node:child_process'
import { join } from 'node:path'

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
  /** What must have ended before the step begins. */
  readonly after?: Promise<unknown>
}

/** The tests that need clients in other languages, or a browser. */
export const CLIENTS_SUITES = ['test/clients/{browser,python}/**/*.test.ts', 'test/clients/matrix/**/*.test.ts']

/** The tests of a file or folder: tap takes files and globs, and matches nothing by the name of a folder. */
export function globOf(path: string): string {
  return path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.test.ts`
}

const BIN = join(import.meta.dirname, '..', 'node_modules', '.bin')

/** Runs the steps one after the other, with their progress, and prints `N passed, N failed` last. */
export async function runSteps(steps: readonly Step[]): Promise<Result> {
  let passed = 0
  let failed = 0
  for (const [index, step] of steps.entries()) {
    const started = performance.now()
    process.stdout.write(`[${index + 1}/${steps.length}] ${step.name} …\n`)
    await step.after
    const result = await runStep(step)
    passed += result.passed
    failed += result.failed
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`[${index + 1}/${steps.length}] ${step.name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)\n`)
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return { passed, failed }
}

function runStep(step: Step): Promise<Result> {
  return new Promise((resolve) => {
    const command = step.command.includes('/') ? step.command : join(BIN, step.command)
    const child = spawn(command, step.args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...step.env } })
    const reader = READERS[step.counts]()
    child.stdout.setEncoding('utf8')
    let rest = ''
    child.stdout.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) reader.line(line)
    })
    child.on('error', () => resolve({ passed: 0, failed: 1 }))
    child.on('close', (code) => resolve(reader.result(code)))
  })
}

interface Reader {
  line(line: string): void
  result(code: number | null): Result
}

const READERS: Readonly<Record<Step['counts'], () => Reader>> = { tap: tapReader, line: lineReader, one: plainReader }

function print(line: string): void {
  process.stdout.write(`  ${line}\n`)
}

function plainReader(): Reader {
  return { line: print, result: (code) => (code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }) }
}

function lineReader(): Reader {
  let counts: Result | null = null
  return {
    line(line) {
      print(line)
      const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? []
      counts = passed === undefined ? counts : { passed: Number(passed), failed: Number(failed) }
    },
    result: (code) => reconciled(counts ?? { passed: 0, failed: 1 }, code)
  }
}

/** Prints one line per finished file and everything about a failure; the counts are those of the last summary line. */
function tapReader(): Reader {
  let counts: Result = { passed: 0, failed: 0 }
  let inFailure = false
  let indent = 0
  return {
    line(line) {
      const summary = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?/.exec(line)
      if (summary !== null) counts = { passed: Number(summary[2]), failed: Number(summary[3] ?? 0) }
      if (/^(not )?ok \d+ - test\//.test(line)) print(line)
      const failure = /^( *)not ok /.exec(line)
      if (failure !== null) {
        inFailure = true
        indent = failure[1]?.length ?? 0
        print(line)
      } else if (inFailure) {
        const depth = line.length - line.trimStart().length
        if (line.trim() !== '' && depth <= indent) inFailure = false
        else print(line)
      }
    },
    result: (code) => reconciled(counts, code)
  }
}

// A run that died before its summary must not look clean.
function reconciled(counts: Result, code: number | null): Result {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}
