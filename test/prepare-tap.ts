import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from './run-steps.ts'

const ROOT = join(import.meta.dirname, '..')
// What `tap build` makes lies in node_modules and depends on nothing but these.
const made = createHash('sha256')
  .update(readFileSync(join(ROOT, '.taprc')))
  .update(readFileSync(join(ROOT, 'package-lock.json')))
  .digest('hex')
const isMade = join(ROOT, 'node_modules', `.tap-built-${made.slice(0, 16)}`)

/** What makes tap ready for this checkout: nothing where a run that succeeded has done it. */
export const PREPARE: readonly Step[] = existsSync(isMade) ? [] : [{ name: 'prepare tap', command: 'tap', args: ['build'], counts: 'one' }]

/** Says that a run with what `PREPARE` made has succeeded. */
export function notePrepared(): void {
  writeFileSync(isMade, '')
}
