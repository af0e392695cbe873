/** Races made up by seed: three processes, both classes and modes, versioned or not, with and without a fault. */
import { test } from 'tap'
import { Checker, type Verdict } from './simulation/checker.ts'
import { loadOperations } from './simulation/protocol.ts'
import { randomOf, randomScenario, type RandomScenario } from './simulation/random-scenario.ts'

/** A longer search: OWNERSHIP_SEEDS=20000 OWNERSHIP_STATES=200000. */
const SEEDS = Number(process.env['OWNERSHIP_SEEDS'] ?? 100)
const STATES_MAX = Number(process.env['OWNERSHIP_STATES'] ?? 3000)
const WALKS = 10
const SEEDS_PER_TEST = 50

const operations = await loadOperations()

function problemOf(scenario: RandomScenario, verdict: Verdict): string | null {
  if (verdict.bad === null || scenario.windows.some((window) => verdict.bad?.includes(window))) return null
  return `${scenario.name}: ${verdict.bad}\n${JSON.stringify(scenario)}\n${verdict.trace.join('\n')}`
}

for (let first = 0; first < SEEDS; first += SEEDS_PER_TEST) {
  test(`no order of events breaks a promise in the made-up races ${first} to ${first + SEEDS_PER_TEST - 1}`, (t) => {
    const problems: string[] = []
    for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
      const scenario = randomScenario(seed)
      const verdict = new Checker(scenario, operations).check(STATES_MAX)
      const searched = problemOf(scenario, verdict)
      if (searched !== null) problems.push(searched)
      // What is too large to be tried whole is walked through at random.
      if (!verdict.isCut) continue
      const random = randomOf(seed)
      const walker = new Checker(scenario, operations)
      for (let n = 0; n < WALKS; n++) {
        const walked = problemOf(scenario, walker.walk(random))
        if (walked !== null) problems.push(walked)
      }
    }
    t.strictSame(problems.slice(0, 3), [])
    t.end()
  })
}
