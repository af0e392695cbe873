import { Readable } from 'node:stream'
import type { ProviderName } from '../../../proxy/dev/store/behavior.ts'
import type { Store } from '../../../proxy/dev/store/start-store.ts'
import type { TestPostgres } from '../../helpers/postgres.ts'
import { startSluice, type SluiceOptions, type TestSluice } from '../../helpers/sluice.ts'
import { callerOf, type Call, type Caller } from './caller.ts'
import { startRelay, type Relay } from './relay.ts'

/** A proxy whose way to its store can be cut, and two services of one tenant. */
export interface Site {
  readonly sluice: TestSluice
  readonly store: Store
  readonly relay: Relay
  readonly orders: Caller
  readonly billing: Caller
  /** The first service in the role that may delete buckets. */
  readonly admin: Caller
  /** The first service in the role that may only read. */
  readonly viewer: Caller
  /** The bucket and the prefix of the shared tenant. */
  readonly bucket: string
  readonly prefix: string
  stop(): Promise<void>
}

export interface SiteOptions {
  readonly provider: ProviderName
  readonly postgres: TestPostgres
  readonly timeouts?: Readonly<Record<string, string>>
  readonly limits?: Readonly<Record<string, number>>
}

/** Brings a site up; everything of it but Postgres goes with `stop`. */
export async function startSite({ provider, postgres, timeouts = {}, limits = {} }: SiteOptions): Promise<Site> {
  const relay = await startRelay()
  const options: SluiceOptions = {
    provider,
    postgres,
    adjust(settings) {
      const accounts = settings.accounts.map((account) => {
        relay.target(Number(new URL(account.endpoint).port))
        return { ...account, endpoint: `http://127.0.0.1:${relay.port}` }
      })
      return { ...settings, accounts, timeouts, limits }
    }
  }
  const sluice = await startSluice(options)
  const [orders, billing, admin, viewer] = await Promise.all([
    callerOf(sluice, 'shop/orders'),
    callerOf(sluice, 'shop/billing'),
    callerOf(sluice, 'shop/orders', 'admin'),
    callerOf(sluice, 'shop/orders', 'viewer')
  ])
  return {
    sluice,
    store: sluice.store,
    relay,
    orders,
    billing,
    admin,
    viewer,
    bucket: `sluice-shared-${sluice.tenants.shared[0] ?? ''}`,
    prefix: `${sluice.tenants.shared}/`,
    async stop() {
      for (const caller of [orders, billing, admin, viewer]) caller.stop()
      await sluice.stop()
      await relay.stop()
    }
  }
}

/** A body that flows: so many zeroes. */
export function zeroes(length: number): Readable {
  const page = Buffer.alloc(64 * 1024)
  let left = length
  return new Readable({
    highWaterMark: 256 * 1024,
    read() {
      const size = Math.min(left, page.length)
      left -= size
      this.push(size === 0 ? null : page.subarray(0, size))
    }
  })
}

/** A put of so many bytes that are sent only once. */
export function largePut(key: string, length: number): Call {
  return { method: 'PUT', key, flow: { source: zeroes(length), length } }
}

/** The id of an upload that is open. */
export async function beginUpload(caller: Caller, key: string): Promise<string> {
  const { text } = await caller.send({ method: 'POST', key, query: { uploads: '' } })
  const id = /<UploadId>([^<]+)<\/UploadId>/.exec(text)?.[1]
  if (id === undefined) throw new Error(`no upload was begun: ${text}`)
  return id
}

/** Puts one part; gives its ETag. */
export async function putPart(caller: Caller, part: { key: string; uploadId: string; number: number; body: string }): Promise<string> {
  const query = { uploadId: part.uploadId, partNumber: String(part.number) }
  const { headers, status } = await caller.send({ method: 'PUT', key: part.key, query, body: part.body })
  if (status !== 200) throw new Error(`the part was answered ${status}`)
  return String(headers['etag'])
}

/** The body of CompleteMultipartUpload. */
export function completeXml(etags: readonly string[]): string {
  const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
  return `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
}

/** The body of DeleteObjects. */
export function deleteXml(keys: readonly string[]): string {
  return `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`
}

/** The body of PutObjectTagging. */
export function tagXml(name: string, value: string): string {
  return `<Tagging><TagSet><Tag><Key>${name}</Key><Value>${value}</Value></Tag></TagSet></Tagging>`
}
