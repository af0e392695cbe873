import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.ts'

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome']

/** A browser is the machine's own: it is looked for and never installed. Its path, or null. */
export async function findChromium(): Promise<string | null> {
  for (const program of PROGRAMS) {
    try {
      await run(program, ['--version'])
      return pathOf(program)
    } catch {
      continue
    }
  }
  return null
}

/** Where the shell finds a program that is there. */
function pathOf(program: string): string {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((one) => existsSync(join(one, program)))
  return join(folder ?? '', program)
}
