/** Runs every bench of a hot function, one after the other, each in a process of its own: what one has compiled or cached speeds up no other. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const NOT_BENCHES: ReadonlySet<string> = new Set(['measure.ts', 'micro.ts'])

const benches = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && !NOT_BENCHES.has(name))
  .sort()
let failed = 0
for (const name of benches) {
  console.log(`bench/${name}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' })
  if (status !== 0) failed += 1
}
if (failed > 0) throw new Error(`${failed} of ${benches.length} benches failed`)
