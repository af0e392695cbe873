import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { act, admit, type Service } from './answer-request.ts'
import { behaviorOf, type Behavior, type ProviderName } from './behavior.ts'
import { AWS_LIMITS, type StoreLimits, type World } from './call.ts'
import { NeverAnswered, StoreError } from './error.ts'
import { Faults, type FaultAction } from './faults.ts'
import { inspectObjects, type InspectedObject } from './inspect.ts'
import { KeptState, readKeptBuckets } from './kept-state.ts'
import { RequestLog, type OpenRecord } from './request-log.ts'
import { discardReply, sendError, sendReply } from './send-reply.ts'
import type { Credentials } from './signature.ts'
import { emptyBucket, type Versioning } from './state.ts'
import { BytesVault } from './stored-bytes.ts'

export interface StoreOptions {
  /** Whose answers are played; `behavior` replaces single ones. */
  readonly provider: ProviderName
  readonly behavior?: Partial<Behavior>
  readonly credentials: Credentials
  readonly region: string
  /** Where objects are kept; null keeps them in memory, big ones in temporary files that go with the store. */
  readonly directory?: string | null
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly now: () => Date
  /** What follows `<bucket>.` in the Host of virtual-hosted requests; null knows path style only. */
  readonly virtualHostDomain?: string | null
  /** False leaves signatures unjudged. Default true. */
  readonly verifyEvery?: boolean
  readonly limits?: Partial<StoreLimits>
}

/** An S3 store in this process, for trying and testing only. */
export interface Store {
  /** `http://host:port`. */
  readonly endpoint: string
  readonly port: number
  readonly provider: ProviderName
  readonly region: string
  readonly credentials: Credentials
  readonly requests: RequestLog
  readonly faults: Faults
  /** Errors of the store itself; empty unless the store has a bug. */
  readonly failures: readonly Error[]
  /** Makes a bucket without a request; one that is there stays as it is. */
  createBucket(name: string, options?: { readonly versioning?: Versioning }): void
  bucketNames(): readonly string[]
  /** The keys of a bucket in order, each with its versions, newest first. */
  objects(bucket: string): ReadonlyMap<string, readonly InspectedObject[]>
  /** Ids of the open uploads of a bucket. */
  openUploads(bucket: string): readonly string[]
  /** Takes all objects and uploads of a bucket away. */
  empty(bucket: string): void
  /** Moves the clock of Last-Modified and of dates in answers; signatures are judged by the clock that was given. */
  advanceClock(milliseconds: number): void
  /** From now on requests may be signed with any of these, and with nothing else. */
  accept(credentials: readonly Credentials[]): void
  close(): Promise<void>
}

/** Starts a store; it listens when the promise resolves. */
export async function startStore(options: StoreOptions): Promise<Store> {
  let advancedMs = 0
  let accepted: readonly Credentials[] = [options.credentials]
  const { world, kept } = makeWorld(options, () => new Date(options.now().getTime() + advancedMs))
  const service: Service = {
    world,
    credentials: () => accepted,
    virtualHostDomain: options.virtualHostDomain ?? null,
    verifyEvery: options.verifyEvery ?? true,
    signatureTime: options.now
  }
  const requests = new RequestLog()
  const faults = new Faults()
  const failures: Error[] = []
  const server = listenFor({ service, requests, faults, failures })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://${options.host}:${port}`,
    port,
    provider: options.provider,
    region: options.region,
    credentials: options.credentials,
    requests,
    faults,
    failures,
    ...stateAccess(world),
    advanceClock: (milliseconds) => void (advancedMs += milliseconds),
    accept: (credentials) => void (accepted = credentials),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await kept?.close()
      await world.vault.close()
    }
  }
}

function makeWorld(options: StoreOptions, now: () => Date): { world: World; kept: KeptState | null } {
  const directory = options.directory ?? null
  const behavior = behaviorOf(options.provider, options.behavior)
  const newId = (): string => randomBytes(16).toString('hex')
  const vault = new BytesVault({ directory: directory ?? tmpdir(), keep: directory !== null, newName: newId })
  const buckets = new Map(directory === null ? [] : readKeptBuckets(directory, vault).map((bucket) => [bucket.name, bucket]))
  const kept = directory === null ? null : new KeptState(directory, buckets)
  const world: World = {
    buckets,
    behavior,
    vault,
    region: options.region,
    limits: { ...AWS_LIMITS, ...options.limits },
    now: () => (behavior.minioQuirks ? now() : wholeSecond(now())),
    newId,
    changed: (bucket) => kept?.changed(bucket)
  }
  return { world, kept }
}

// S3 keeps no fraction of a second; MinIO shows milliseconds in listings.
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}

function stateAccess(world: World): Pick<Store, 'createBucket' | 'bucketNames' | 'objects' | 'openUploads' | 'empty'> {
  const bucketNamed = (name: string): NonNullable<ReturnType<World['buckets']['get']>> => {
    const bucket = world.buckets.get(name)
    if (bucket === undefined) throw new Error(`the store has no bucket ${name}`)
    return bucket
  }
  return {
    createBucket: (name, options) => {
      const bucket = world.buckets.get(name) ?? emptyBucket(name, world.now())
      bucket.versioning = options?.versioning ?? bucket.versioning
      world.buckets.set(name, bucket)
      world.changed(bucket)
    },
    bucketNames: () => [...world.buckets.keys()].sort(),
    objects: (name) => inspectObjects(bucketNamed(name)),
    openUploads: (name) => [...bucketNamed(name).uploads.keys()],
    empty: (name) => {
      const bucket = bucketNamed(name)
      for (const key of [...bucket.objects.keys]) {
        for (const version of bucket.objects.versions(key)) world.vault.release(version.bytes)
        bucket.objects.set(key, [])
      }
      for (const upload of bucket.uploads.values()) for (const part of upload.parts.values()) world.vault.release(part.bytes)
      bucket.uploads.clear()
      bucket.completed.clear()
      world.changed(bucket)
    }
  }
}

interface Listener {
  readonly service: Service
  readonly requests: RequestLog
  readonly faults: Faults
  readonly failures: Error[]
}

function listenFor(listener: Listener): Server {
  // The defaults would cut slow uploads after five minutes and heads above 16 KiB.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 75_000, maxHeaderSize: 64 * 1024, highWaterMark: 256 * 1024 })
  server.on('request', (request, response) => void serve(listener, { request, response, waits: false }))
  server.on(
    'checkContinue',
    (request: IncomingMessage, response: ServerResponse) => void serve(listener, { request, response, waits: true })
  )
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    // S3 ignores an expectation that it does not know; MinIO's server refuses it.
    if (listener.service.world.behavior.minioQuirks) response.writeHead(417).end()
    else void serve(listener, { request, response, waits: false })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  return server
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** True when the client sends its body only after `100 Continue`. */
  readonly waits: boolean
}

async function serve({ service, requests, faults, failures }: Listener, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const line = { method: request.method ?? '', rawTarget: request.url ?? '', rawHeaders: request.rawHeaders }
  const record = requests.begin(line.method, line.rawTarget, line.rawHeaders)
  const answering = { response, record, world: service.world, fault: null as FaultAction | null }
  try {
    const admitted = await admit(line, service, record)
    answering.fault = faults.take(record)
    const { fault } = answering
    if (fault?.kind === 'hold' && fault.at === 'arrival') await fault.gate.pass(record)
    if (fault?.kind === 'drop') return void request.socket.resetAndDestroy()
    if (exchange.waits) response.writeContinue()
    const reply = await act(admitted, request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>, { service, record, fault })
    if (fault?.kind === 'loseAnswer' || fault?.kind === 'late') {
      discardReply(reply, service.world)
      return void request.socket.resetAndDestroy()
    }
    if (fault?.kind === 'hold' && fault.at === 'answer') await fault.gate.pass(record)
    if (fault?.kind === 'refuse') {
      discardReply(reply, service.world)
      throw new StoreError(fault.code)
    }
    await sendReply(reply, answering)
  } catch (error) {
    answerFailure(error, { exchange, record, service, failures })
  }
}

interface Failing {
  readonly exchange: Exchange
  readonly record: OpenRecord
  readonly service: Service
  readonly failures: Error[]
}

function answerFailure(error: unknown, { exchange, record, service, failures }: Failing): void {
  const { request, response, waits } = exchange
  if (error instanceof NeverAnswered) return
  const known = error instanceof StoreError
  // A body that the client never finished has nobody left to answer to.
  if (!known && (request.destroyed || request.errored !== null)) return
  if (!known) failures.push(error instanceof Error ? error : new Error(String(error)))
  if (response.headersSent) return void response.destroy()
  const stillComing = !request.complete
  sendError(known ? error : new StoreError('InternalError'), { response, record, world: service.world, close: waits && stillComing })
  if (stillComing && !waits) request.resume()
}
