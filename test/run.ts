/**
 * `npm test`: type check, lint, format check, then every test that needs nothing but Node; client suites in other
 * languages run where their runtime is found and are named where it is not. Ends with `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

interface Result {
  readonly passed: number
  readonly failed: number
}
interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Tap suites report their own counts; any other step counts as one. */
  readonly counts: 'tap' | 'one'
}

const bin = join(import.meta.dirname, '..', 'node_modules', '.bin')
/** tap takes files and globs, and matches nothing by the name of a folder. Without any it runs all that .taprc includes. */
const tests = process.argv.slice(2).map((path) => (path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.test.ts`))

const STEPS: readonly Step[] = [
  { name: 'prepare tap', command: 'tap', args: ['build'], counts: 'one' },
  { name: 'typecheck', command: 'tsc', args: ['--noEmit', '-p', '.'], counts: 'one' },
  { name: 'lint', command: 'eslint', args: ['.'], counts: 'one' },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'], counts: 'one' },
  { name: 'tests', command: 'tap', args: ['--reporter', 'tap', ...tests], counts: 'tap' }
]

let passed = 0
let failed = 0
for (const [index, step] of STEPS.entries()) {
  const started = performance.now()
  process.stdout.write(`[${index + 1}/${STEPS.length}] ${step.name} …\n`)
  const result = await runStep(step)
  passed += result.passed
  failed += result.failed
  process.stdout.write(
    `[${index + 1}/${STEPS.length}] ${step.name}: ${result.passed} passed, ${result.failed} failed (${((performance.now() - started) / 1000).toFixed(1)} s)\n`
  )
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

function runStep(step: Step): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(join(bin, step.command), step.args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const reader = step.counts === 'tap' ? tapReader() : plainReader()
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

function plainReader() {
  return {
    line: (line: string) => void process.stdout.write(`  ${line}\n`),
    result: (code: number | null): Result => (code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
  }
}

/** Prints one line per finished file and everything about a failure; the counts are those of the last summary line. */
function tapReader() {
  let counts: Result = { passed: 0, failed: 0 }
  let inFailure = false
  let indent = 0
  return {
    line(line: string): void {
      const summary = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?/.exec(line)
      if (summary !== null) counts = { passed: Number(summary[2]), failed: Number(summary[3] ?? 0) }
      if (/^(not )?ok \d+ - test\//.test(line)) process.stdout.write(`  ${line}\n`)
      const failure = /^( *)not ok /.exec(line)
      if (failure !== null) {
        inFailure = true
        indent = failure[1]?.length ?? 0
        process.stdout.write(`  ${line}\n`)
      } else if (inFailure) {
        const depth = line.length - line.trimStart().length
        if (line.trim() !== '' && depth <= indent) inFailure = false
        else process.stdout.write(`  ${line}\n`)
      }
    },
    // A run that died before its summary, or that found nothing to run, must not look clean.
    result: (code: number | null): Result =>
      (code !== 0 || counts.passed === 0) && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  }
}
