/**
 * Runs every bench of a hot function, one after the other, each in a process of its own: what one has compiled or cached
 * speeds up no other. `npm run bench:micro -- NAME…` runs those alone; `--report-only` prints and does not fail on a broken bound,
 * for machines that others use.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BOUND_BROKEN } from './measure.ts'

const NOT_BENCHES: ReadonlySet<string> = new Set(['bounds.ts', 'measure.ts', 'micro.ts'])

const reportOnly = process.argv.includes('--report-only')
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const benches = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && !NOT_BENCHES.has(name))
  .sort()
const unknown = named.filter((name) => !benches.includes(`${name}.ts`))
if (unknown.length > 0) throw new Error(`there is no bench named ${unknown.join(', ')}: ${benches.join(', ')}`)

const broken: string[] = []
const failed: string[] = []
for (const name of benches.filter((name) => named.length === 0 || named.includes(name.slice(0, -'.ts'.length)))) {
  console.log(`bench/${name}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' })
  if (status === BOUND_BROKEN) broken.push(name)
  else if (status !== 0) failed.push(name)
}
if (broken.length > 0) console.log(`a bound is broken: ${broken.join(', ')}`)
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
if (failed.length > 0 || (broken.length > 0 && !reportOnly)) process.exitCode = 1
