import { spawn } from 'node:child_process'

/** Far more than the slowest build takes on two cores. */
const TIMEOUT_MS = 45 * 60_000

/** Resolves when the program has succeeded; else the error is its last line. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}
): Promise<void> {
  const env = { ...process.env, ...options.env }
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIMEOUT_MS, ...options, env })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)))
    child.once('error', (error) => reject((error as NodeJS.ErrnoException).code === 'ENOENT' ? new Error(`there is no ${command}`) : error))
    child.once('close', (code) => {
      const lastLine = complaint.trim().split('\n').at(-1) ?? ''
      if (code === 0) resolve()
      else reject(new Error(`${command} failed: ${lastLine === '' ? `exit code ${code}` : lastLine}`))
    })
  })
}
