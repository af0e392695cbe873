import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { SessionCredentials } from '../../helpers/sluice.ts'

/** What a load has come to. */
export interface Tally {
  requests: number
  /** Attempts beyond the first, which SDKs make by themselves. */
  retries: number
  /** What an SDK gave up on, or what came back wrong. */
  readonly failures: string[]
  /** Sealing keys that new sessions named. */
  readonly kids: Set<string>
}

export interface LoadOptions {
  readonly clients: number
  /** Replicas; a client logs in at one and uses the session at the next. */
  readonly urls: readonly string[]
  readonly tenant: string
  /** A service-account token as it would be read from its file now. */
  token(service: string): Promise<string>
}

/** A load of SDK clients that runs until it is stopped. */
export interface Load {
  readonly tally: Tally
  stop(): Promise<void>
}

const PAUSE_MS = 500
/** Of the SDK's own: the first and two more. */
const ATTEMPTS = 3

interface Sending {
  readonly $metadata: { readonly attempts?: number | undefined }
}

/** Starts clients that keep one session for the whole load and log in anew all the while; each writes, reads, lists and deletes what is its own. */
export function startLoad({ clients, urls, tenant, token }: LoadOptions): Load {
  const tally: Tally = { requests: 0, retries: 0, failures: [], kids: new Set() }
  let stopped = false
  const counted = async <Output extends Sending>(what: string, sending: Promise<Output>): Promise<Output | null> => {
    tally.requests += 1
    try {
      const output = await sending
      tally.retries += (output.$metadata.attempts ?? 1) - 1
      return output
    } catch (error) {
      tally.retries += ((error as Partial<Sending>).$metadata?.attempts ?? 1) - 1
      tally.failures.push(`${what}: ${String(error)}`)
      return null
    }
  }
  const login = async (service: string, url: string): Promise<SessionCredentials | null> => {
    const sts = new STSClient({ endpoint: url, region: 'local', maxAttempts: ATTEMPTS })
    const order = { RoleArn: 'arn:aws:iam::000000000000:role/app', RoleSessionName: 'drill', WebIdentityToken: await token(service) }
    const credentials = (await counted('login', sts.send(new AssumeRoleWithWebIdentityCommand(order))))?.Credentials
    sts.destroy()
    const { AccessKeyId, SecretAccessKey, SessionToken } = credentials ?? {}
    if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) return null
    tally.kids.add(AccessKeyId.slice(4, 12).toLowerCase())
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
  }
  const clientAt = (endpoint: string, credentials: SessionCredentials): S3Client =>
    new S3Client({ endpoint, region: 'local', forcePathStyle: true, maxAttempts: ATTEMPTS, credentials })
  const exercise = async (s3: S3Client, at: { readonly Bucket: string; readonly Key: string }): Promise<void> => {
    const written = `${at.Key} at ${performance.now()}`
    await counted('put', s3.send(new PutObjectCommand({ ...at, Body: written })))
    const got = await counted('get', s3.send(new GetObjectCommand(at)))
    const read = await got?.Body?.transformToString()
    if (got !== null && read !== written) tally.failures.push(`get: ${at.Key} is ${read} and not ${written}`)
    await counted('list', s3.send(new ListObjectsV2Command({ Bucket: at.Bucket, Prefix: at.Key })))
    await counted('delete', s3.send(new DeleteObjectCommand(at)))
  }
  const work = async (index: number): Promise<void> => {
    const service = `shop/service-${index % 5}`
    const urlAt = (turn: number): string => urls[(index + turn) % urls.length] ?? ''
    const lasting = await login(service, urlAt(0))
    if (lasting === null) return
    const kept = clientAt(urlAt(1), lasting)
    for (let turn = 0; !stopped; turn++) {
      await exercise(kept, { Bucket: tenant, Key: `kept-${index}` })
      const session = await login(service, urlAt(turn))
      if (session === null) continue
      const fresh = clientAt(urlAt(turn + 1), session)
      await exercise(fresh, { Bucket: tenant, Key: `fresh-${index}` })
      fresh.destroy()
      await sleep(PAUSE_MS)
    }
    kept.destroy()
  }
  const working = Promise.all(Array.from({ length: clients }, (_, index) => work(index)))
  return {
    tally,
    async stop() {
      stopped = true
      await working
    }
  }
}
