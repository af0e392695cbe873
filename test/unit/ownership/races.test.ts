/** The protocol against every interleaving of the scenarios, with the production generators. */
import { test } from 'tap'
import { Checker } from './simulation/checker.ts'
import { loadOperations } from './simulation/protocol.ts'
import { SCENARIOS } from './simulation/scenarios.ts'

const STATES_MAX = 400_000
const operations = await loadOperations()

for (const scenario of SCENARIOS) {
  const { name, inherent } = scenario
  test(inherent === undefined ? `no order of events breaks a promise: ${name}` : `what remains is ${inherent[1]}: ${name}`, (t) => {
    const verdict = new Checker(scenario, operations).check(STATES_MAX)
    t.equal(verdict.isCut, false, 'every interleaving was tried')
    t.equal(verdict.bad?.slice(0, 2) ?? null, inherent?.[0] ?? null, `${verdict.bad ?? 'none'}\n${verdict.trace.join('\n')}`)
    t.comment(`${verdict.states} states`)
    t.end()
  })
}
