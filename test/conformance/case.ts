import assert from 'node:assert/strict'
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { sendRaw, type RawAnswer, type RawAsk, type Upstream } from './raw-request.ts'

/** What AWS does, as one run against any upstream. */
export interface Case {
  /** Short and stable: deviation lists name it. */
  readonly id: string
  /** A sentence that is true of S3. */
  readonly title: string
  run(bench: Bench): Promise<void>
}

/** What a case works with: a bucket without versioning, one with, and keys of its own. */
export class Bench {
  readonly upstream: Upstream
  readonly client: S3Client
  readonly bucket: string
  readonly versioned: string
  /** A prefix that no other case uses. */
  readonly prefix: string

  constructor({ upstream, client, buckets, id }: { upstream: Upstream; client: S3Client; buckets: readonly [string, string]; id: string }) {
    this.upstream = upstream
    this.client = client
    this.bucket = buckets[0]
    this.versioned = buckets[1]
    this.prefix = `${id}/`
  }

  key(name = 'k'): string {
    return this.prefix + name
  }

  /** Bucket and key as most commands take them. */
  at(name = 'k'): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: this.key(name) }
  }

  /** The path of a key whose characters need no escaping beyond those given. */
  path(encodedName = 'k'): string {
    return `/${this.bucket}/${this.prefix}${encodedName}`
  }

  raw(ask: RawAsk): Promise<RawAnswer> {
    return sendRaw(this.upstream, ask)
  }

  /** Stores an object by a raw request and gives its quoted ETag. */
  async put(name: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.raw({ method: 'PUT', target: this.path(name), body, headers })
    assert.equal(answer.status, 200, answer.text)
    return answer.headers.get('etag') ?? ''
  }

  /** The status that a plain HEAD of the key gets. */
  async status(name = 'k'): Promise<number> {
    return (await this.raw({ method: 'HEAD', target: this.path(name) })).status
  }
}

export function newClient(upstream: Upstream): S3Client {
  return new S3Client({
    endpoint: upstream.endpoint,
    region: upstream.region,
    credentials: upstream,
    forcePathStyle: true,
    maxAttempts: 1
  })
}

/** Asserts that the command is refused with this code and status. */
export async function refused(promise: Promise<unknown>, code: string, status: number): Promise<S3ServiceException> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof S3ServiceException, String(error))
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [code, status])
    return error
  }
  return assert.fail(`should be refused with ${code}`)
}

/** Asserts status and error code of a raw answer. */
export function expectRefusal(answer: RawAnswer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.code], [status, code], answer.text)
}
