import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesOf, digestOf } from '../body.ts'
import type { Driver, Order, Outcome } from '../driver.ts'
import type { Login } from '../matrix/login.ts'
import { eachInItsProcess, type Ended } from './runner.ts'

/**
 * restic. What others keep as an object is a repository here, below the key: it is begun and backed up into, its latest
 * snapshot is read, forgotten, and listed.
 */
export async function startRestic(program: string, { env }: Login, s3: string): Promise<Driver> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-restic-'))
  const common = { PATH: process.env['PATH'] ?? '', HOME: folder, RESTIC_PASSWORD: 'only for tests', AWS_DEFAULT_REGION: 'local', ...env }
  const runner = eachInItsProcess(program, common)
  const restic = async (bucket: string, key: string, args: readonly string[]): Promise<string> => {
    const ended = await runner.execute(['--no-cache', '--quiet', '--repo', `s3:${s3}/${bucket}/${key}`, ...args])
    if (ended.code !== 0) throw new Failed(ended)
    return ended.out
  }
  const file = join(folder, 'body')
  const perform = async (order: Order): Promise<Outcome> => {
    switch (order.op) {
      case 'put':
        await writeFile(file, bytesOf(order.body))
        await restic(order.bucket, order.key, ['init'])
        await restic(order.bucket, order.key, ['backup', file])
        return {}
      case 'get': {
        const text = await restic(order.bucket, order.key, ['dump', 'latest', file])
        return { ...digestOf(Buffer.from(text)), text }
      }
      case 'list': {
        const snapshots = JSON.parse(await restic(order.bucket, order.prefix ?? '', ['snapshots', '--json'])) as unknown[]
        return { keys: snapshots.map(() => order.prefix ?? '') }
      }
      case 'delete':
        await restic(order.bucket, order.key, ['forget', '--prune', 'latest'])
        return {}
      default:
        throw new Error(`restic is not asked for ${order.op}`)
    }
  }
  return {
    async run(order) {
      try {
        return await perform(order)
      } catch (error) {
        if (!(error instanceof Failed)) throw error
        return { error: { code: error.message.includes('Access Denied') ? 'AccessDenied' : 'ClientFault', message: error.message } }
      }
    },
    stop: () => rm(folder, { recursive: true, force: true })
  }
}

class Failed extends Error {
  constructor({ out, error }: Ended) {
    super(`${error}${out}`.trim())
  }
}
