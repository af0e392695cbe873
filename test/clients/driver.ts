import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { COMPILE_CACHE, withoutTap } from '../helpers/node-process.ts'
import type { Body } from './body.ts'

/** One thing that a client is told to do. Clients in other processes read it as a line of JSON. */
export type Order =
  | (At & {
      readonly op: 'put'
      readonly body: Body
      readonly contentType?: string
      readonly metadata?: Readonly<Record<string, string>>
      readonly tags?: Readonly<Record<string, string>>
      readonly ifMatch?: string
      readonly ifNoneMatch?: string
    })
  | { readonly op: 'putMany'; readonly bucket: string; readonly prefix: string; readonly bodies: Readonly<Record<string, string>> }
  | (At & { readonly op: 'get'; readonly range?: string; readonly ifMatch?: string; readonly ifNoneMatch?: string })
  /** By the client's own way to fetch a big object, in ranges where it does that. */
  | (At & { readonly op: 'download' })
  | { readonly op: 'getMany'; readonly bucket: string; readonly prefix: string }
  | (At & { readonly op: 'head' })
  | {
      readonly op: 'list'
      readonly bucket: string
      readonly version: 1 | 2
      readonly prefix?: string
      readonly delimiter?: string
      readonly pageSize?: number
    }
  | (At & { readonly op: 'copy' | 'managedCopy'; readonly source: string })
  | (At & { readonly op: 'delete' })
  | { readonly op: 'deleteMany'; readonly bucket: string; readonly keys: readonly string[] }
  /** By the client's own way to send a big object: a multipart upload. */
  | (At & { readonly op: 'upload'; readonly body: Body })
  | (At & { readonly op: 'getTags' | 'deleteTags' })
  | (At & { readonly op: 'putTags'; readonly tags: Readonly<Record<string, string>> })
  | { readonly op: 'buckets' }
  /** A presigned GET, and a presigned PUT. */
  | (At & { readonly op: 'presign' | 'presignPut' })
  /** A URL for one request, which another program sends. */
  | (At & PresignedRequest & { readonly op: 'presignFor' })
  /** What the SDK said of its own requests: operation by request id. */
  | { readonly op: 'trace' }

interface At {
  readonly bucket: string
  readonly key: string
}

/** A request that a URL is for. A list is asked of the bucket. */
export interface PresignedRequest {
  readonly request: 'put' | 'get' | 'list' | 'delete' | 'createUpload' | 'uploadPart' | 'completeUpload'
  readonly prefix?: string
  readonly uploadId?: string
  readonly partNumber?: number
}

/** What came of an order; only what the client shows is there. */
export interface Outcome {
  readonly error?: { readonly code: string; readonly status?: number; readonly message?: string }
  readonly etag?: string
  readonly length?: number
  readonly sha256?: string
  readonly text?: string
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly tagCount?: number
  readonly contentRange?: string
  readonly keys?: readonly string[]
  readonly prefixes?: readonly string[]
  readonly texts?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
  readonly deleted?: number
  readonly errors?: readonly string[]
  readonly names?: readonly string[]
  readonly location?: string
  readonly url?: string
  readonly trace?: Readonly<Record<string, string>>
}

/** What not every client can do. */
export type Ability =
  'conditions' | 'contentType' | 'listV1' | 'managedCopy' | 'presign' | 'presignPut' | 'tagCount' | 'trace' | 'utf8Metadata'

/** A client that was started as one service. */
export type Driver = Worker<Order, Outcome>

export interface Worker<Asked, Answered> {
  run(asked: Asked): Promise<Answered>
  stop(): Promise<void>
}

export interface WorkerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** A process that reads questions from its standard input and writes answers to its output, each a line of JSON. */
export function startWorker<Asked = Order, Answered = Outcome>({ command, args, env }: WorkerOptions): Worker<Asked, Answered> {
  const child = spawn(...withoutTap(command, args), {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  const waiting: { resolve(answered: Answered): void; reject(error: Error): void }[] = []
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-4000)))
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answered))
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`${command} ${args.join(' ')} ended: ${complaint}`))
      resolve()
    })
    child.once('error', (error) => {
      complaint = error.message
    })
  })
  child.stdin.on('error', () => undefined)
  return {
    run: (asked) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null) return reject(new Error(`${command} is gone: ${complaint}`))
        waiting.push({ resolve, reject })
        child.stdin.write(`${JSON.stringify(asked)}\n`)
      }),
    async stop() {
      child.stdin.end()
      await ended
    }
  }
}
