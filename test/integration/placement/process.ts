import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { runCli } from '../../../proxy/cli/cli.ts'
import { COMPILE_CACHE, withoutTap } from '../../helpers/node-process.ts'

const MAIN = fileURLToPath(new URL('../../../proxy/main.ts', import.meta.url))

export interface Finished {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly pid: number
  readonly finished: Promise<Finished>
  /** What came so far. */
  readonly stdout: string
  readonly stderr: string
  /** Resolves with the first match on standard output or standard error; rejects when the process ends without one. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Starts `sluice` with arguments, in a process of its own. */
export function startSluiceProcess(args: readonly string[], { env = {}, cwd }: Surroundings = {}): Running {
  return watch(
    spawn(...withoutTap(process.execPath, [MAIN, ...args]), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
      ...(cwd === undefined ? {} : { cwd })
    })
  )
}

/** Watches what a process writes and how it ends. */
export function watch(child: ChildProcess): Running {
  let stdout = ''
  let stderr = ''
  let look: () => void = () => undefined
  const looks = new Set<() => void>()
  look = () => {
    for (const one of looks) one()
  }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    look()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    look()
  })
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    pid: child.pid ?? 0,
    finished,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const one = (): void => {
          const match = pattern.exec(stderr) ?? pattern.exec(stdout)
          if (match === null) return
          looks.delete(one)
          resolve(match)
        }
        looks.add(one)
        one()
        void finished.then(({ code }) => reject(new Error(`it ended with ${code} and never said ${String(pattern)}:\n${stdout}${stderr}`)))
      }),
    kill: (signal) => void child.kill(signal)
  }
}

/** Runs `sluice` to its end. */
export function runSluice(args: readonly string[], surroundings?: Surroundings): Promise<Finished> {
  return startSluiceProcess(args, surroundings).finished
}

/**
 * Runs a command in this process, for the many cases that need no process of their own. One at a time, and no assertion
 * meanwhile: what is written to standard output is taken.
 */
export async function runInHere(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  const written = { stdout: '', stderr: '' }
  const before = { ...process.env }
  const streams = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) }
  try {
    Object.assign(process.env, env)
    for (const name of ['stdout', 'stderr'] as const)
      process[name].write = (text: string | Uint8Array) => ((written[name] += String(text)), true)
    const code = await runCli(args)
    return { code, ...written }
  } finally {
    process.stdout.write = streams.stdout
    process.stderr.write = streams.stderr
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}
