import { spawn } from 'node:child_process'

/** What a program said before it ended. */
export interface Ended {
  readonly code: number
  readonly out: string
  readonly error: string
}

export interface Runner {
  execute(args: readonly string[]): Promise<Ended>
  stop(): Promise<void>
}

/** Starts the program anew for each list of arguments. */
export function eachInItsProcess(command: string, env: Readonly<Record<string, string>>): Runner {
  return {
    execute: (args) =>
      new Promise((resolve, reject) => {
        const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
        let out = ''
        let error = ''
        child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
        child.stderr.setEncoding('utf8').on('data', (text: string) => (error += text))
        child.once('error', reject)
        child.once('close', (code) => resolve({ code: code ?? 1, out, error }))
      }),
    stop: () => Promise.resolve()
  }
}
