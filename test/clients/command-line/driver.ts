import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesOf, digestOf } from '../body.ts'
import type { Driver, Order, Outcome } from '../driver.ts'
import type { Login } from '../matrix/login.ts'
import type { CommandLine, SetUp } from './programs.ts'
import { eachInItsProcess, type Ended, type Runner } from './runner.ts'

/** A program of the command line, started for each order. */
export async function startCommandLine(program: string, setUp: SetUp, { login, s3 }: { login: Login; s3: string }): Promise<Driver> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-command-line-'))
  const line = setUp(login, s3, folder)
  // Whatever a program keeps is below HOME: none of the machine's own.
  const runner = eachInItsProcess(program, { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8', ...line.env })
  return {
    run: (order) => run(order, line, { runner, folder }),
    async stop() {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function run(order: Order, line: CommandLine, { runner, folder }: { runner: Runner; folder: string }): Promise<Outcome> {
  switch (order.op) {
    case 'put':
    case 'upload': {
      const file = join(folder, 'body')
      await writeFile(file, bytesOf(order.body))
      const send = order.op === 'put' ? line.put : line.upload
      if (send === undefined) throw new Error('this program uploads nothing in parts')
      return outcomeOf(await runner.execute(send(file, order)), () => ({}))
    }
    case 'get':
      return outcomeOf(await runner.execute(line.get(order)), (out) => ({ ...digestOf(Buffer.from(out)), text: out }))
    case 'delete':
      return outcomeOf(await runner.execute(line.delete(order)), () => ({}))
    case 'list': {
      const place = { bucket: order.bucket, key: order.prefix ?? '' }
      return outcomeOf(await runner.execute(line.list(place)), (out) => ({ keys: line.keysIn(out, place) }))
    }
    default:
      throw new Error(`programs of the command line are not asked for ${order.op}`)
  }
}

/** Programs tell of a refusal in words of their own. */
const REFUSAL = /access ?denied|forbidden|insufficient permissions|\b403\b/i

function outcomeOf(ended: Ended, read: (out: string) => Outcome): Outcome {
  const said = `${ended.error}${ended.out}`.trim()
  if (ended.code === 0) return read(ended.out)
  return { error: { code: REFUSAL.test(said) ? 'AccessDenied' : 'ClientFault', message: said } }
}
