/** Each rule of the protocol is needed: taken back in the production text, a scenario fails. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { Checker } from './simulation/checker.ts'
import { MUTATIONS, type Mutation } from './simulation/mutations.ts'
import { loadOperations, PRODUCTION } from './simulation/protocol.ts'
import { SCENARIOS } from './simulation/scenarios.ts'

const STATES_MAX = 400_000

async function mutatedFolder({ patches }: Mutation): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ownership-'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  for (const file of await readdir(PRODUCTION)) {
    let text = await readFile(join(PRODUCTION, file), 'utf8')
    for (const patch of patches.filter((one) => one.file === file)) {
      if (text.split(patch.find).length !== 2) throw new Error(`${file} does not hold exactly once: ${patch.find}`)
      text = text.replace(patch.find, () => patch.replace)
    }
    await writeFile(join(folder, file), text)
  }
  return folder
}

for (const mutation of MUTATIONS) {
  test(`a promise is broken without "${mutation.rule}"`, async (t) => {
    const scenario = SCENARIOS.find((one) => one.name === mutation.scenario)
    if (scenario === undefined) throw new Error(`there is no scenario ${mutation.scenario}`)
    t.equal(scenario.inherent, undefined, 'the scenario holds under the production text')
    const folder = await mutatedFolder(mutation)
    t.teardown(() => rm(folder, { recursive: true }))
    const verdict = new Checker(scenario, await loadOperations(folder)).check(STATES_MAX)
    t.equal(verdict.bad?.slice(0, 2) ?? null, mutation.violation, verdict.bad ?? 'nothing fails')
  })
}

test('every rule from R1 to R14 is taken back once', (t) => {
  for (let n = 1; n <= 14; n++)
    t.ok(
      MUTATIONS.some(({ rule }) => rule.startsWith(`R${n}:`)),
      `R${n}`
    )
  t.end()
})
