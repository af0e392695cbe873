import { BOUNDS } from './bounds.ts'

/** How a bench ends whose bound is broken. */
export const BOUND_BROKEN = 3

/** Microseconds that one fixed piece of arithmetic takes here and now: what a result is divided by, since machines and their load differ. */
export function calibrate(): number {
  let sum = 0
  const us = measure(() => {
    for (let i = 0; i < 1000; i++) sum = (sum + Math.imul(i, 2654435761)) | 0
    return sum
  }, 20_000)
  return us
}

/** Microseconds of processor time per call (others may share the machine), the median of seven rounds after one to warm up. */
export function measure(call: () => number, calls: number): number {
  const rounds: number[] = []
  let sink = 0
  for (let round = 0; round < 8; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < calls; i++) sink += call()
    const { user, system } = process.cpuUsage(start)
    rounds.push((user + system) / calls)
  }
  if (Number.isNaN(sink)) throw new Error('the calls returned no numbers')
  return rounds.slice(1).sort((a, b) => a - b)[3] ?? 0
}

/** Prints one line: what was measured, its time, and the ratio to the calibration beside the bound that it must keep; a broken bound fails the process. */
export function report(label: string, us: number, calibrationUs: number): void {
  const ratio = us / calibrationUs
  const bound = BOUNDS[label]
  const keeps = bound !== undefined && ratio <= bound
  const verdict = bound === undefined ? 'has no bound: give it one in bench/bounds.ts' : `at most ${bound}${keeps ? '' : ': BROKEN'}`
  console.log(label.padEnd(36), `${us.toFixed(2).padStart(9)} µs`, `${ratio.toFixed(2).padStart(9)} × calibration, ${verdict}`)
  if (!keeps) process.exitCode = BOUND_BROKEN
}

/** Measures and prints every case, so many calls each. */
export function reportAll(cases: readonly (readonly [label: string, call: () => number])[], calls: number): void {
  const calibration = calibrate()
  for (const [label, call] of cases) report(label, measure(call, calls), calibration)
}
