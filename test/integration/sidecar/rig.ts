import { S3Client } from '@aws-sdk/client-s3'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { TestSluice } from '../../helpers/sluice.ts'
import { startSluiceProcess, type Running } from '../placement/process.ts'

export interface RunningSidecar extends Running {
  readonly s3: string
  readonly port: number
  readonly ops: string
}

export const ROLE_ARN = 'arn:aws:iam::000000000000:role/app'

let sidecars = 0

/** Settings of a sidecar in front of a Sluice, with the token of one service. */
export function settingsFor(sluice: Pick<TestSluice, 's3'>, tokenFile: string) {
  return { listen: { port: 0 }, ops: { host: '127.0.0.1', port: 0 }, central: { url: sluice.s3, tokenFile, roleArn: ROLE_ARN } }
}

/** Runs `sluice sidecar` in a process of its own; resolves when it listens. The test ends it. */
export async function startSidecar(folder: string, settings: unknown, env: Readonly<Record<string, string>> = {}): Promise<RunningSidecar> {
  const config = join(folder, `sidecar-${sidecars++}.yaml`)
  await writeFile(config, stringify(settings))
  const process = startSluiceProcess(['sidecar', '--config', config], { env })
  const [, s3 = '', ops = ''] = await process.says(/serves S3 at (\S+), ops at (\S+)\n/)
  return Object.assign(process, { s3, ops, port: Number(new URL(s3).port) })
}

export async function stopSidecar(sidecar: RunningSidecar): Promise<void> {
  sidecar.kill('SIGKILL')
  await sidecar.finished
}

/** What a local process may send: nothing, a signature by a key that nobody knows, or one for another region. */
export const SIGNING = {
  'not signed at all': (endpoint: string) =>
    new S3Client({
      ...base(endpoint),
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
      signer: { sign: (request) => Promise.resolve(request) }
    }),
  'signed with a key that nobody knows': (endpoint: string) =>
    new S3Client({ ...base(endpoint), credentials: { accessKeyId: 'dummy', secretAccessKey: 'dummy' } }),
  'signed as a session for another region': (endpoint: string) =>
    new S3Client({
      ...base(endpoint),
      region: 'eu-west-1',
      credentials: { accessKeyId: 'ASIAELSEWHERE', secretAccessKey: 'other', sessionToken: 'of another place' }
    })
} satisfies Readonly<Record<string, (endpoint: string) => S3Client>>

const base = (endpoint: string) => ({ endpoint, region: 'local', forcePathStyle: true, maxAttempts: 1 })
