import type { OpenUpload, UploadListing, UploadPage, UploadRef } from '../tenants/open-upload.ts'
import type { Run } from './connect.ts'

export interface LedgerOptions {
  readonly run: Run
  /** Changes that may wait for Postgres; beyond, new ones are dropped and counted. */
  readonly waitingMax: number
  readonly retryMs: number
  onFault(what: string, error: unknown): void
}

/** The ledger of open uploads. Requests never wait for it; a change that is lost makes a list incomplete and nothing else. */
export interface UploadLedger {
  insert(upload: OpenUpload): void
  remove(upload: UploadRef): void
  /** The owner's open uploads in S3's order: by the bytes of the key, then by id. What this process changed before is seen. */
  list(listing: UploadListing): Promise<UploadPage>
  /** Open uploads of any owner that began before a moment, oldest first. */
  listStale(before: Date, max: number): Promise<readonly OpenUpload[]>
  /** True when the tenant has an open upload, of any owner. */
  hasUploads(tenant: string): Promise<boolean>
  /** Resolves when everything that waits is written, or with false when Postgres does not take it. */
  flush(): Promise<boolean>
  status(): { readonly waiting: number; readonly dropped: number }
  /** Writes what waits, once, and stops. */
  close(): Promise<void>
}

type Change = { readonly kind: 'insert'; readonly upload: OpenUpload } | { readonly kind: 'remove'; readonly upload: UploadRef }

const BATCH_MAX = 500

/** A ledger that writes behind, in batches, in order per upload. */
export function createUploadLedger(options: LedgerOptions): UploadLedger {
  return new Ledger(options)
}

class Ledger implements UploadLedger {
  readonly #options: LedgerOptions
  /** By upload, the latest change alone: an upload that was opened and ended while Postgres was away leaves no trace. */
  #waiting = new Map<string, Change>()
  #writing: Promise<boolean> | null = null
  /** Changes that are being written. */
  #underWay = 0
  #timer: NodeJS.Timeout | null = null
  #dropped = 0
  #closed = false

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  insert(upload: OpenUpload): void {
    this.#add({ kind: 'insert', upload })
  }

  remove(upload: UploadRef): void {
    this.#add({ kind: 'remove', upload })
  }

  #add(change: Change): void {
    const id = JSON.stringify([change.upload.account, change.upload.upstreamBucket, change.upload.uploadId])
    if (this.#waiting.size >= this.#options.waitingMax && !this.#waiting.has(id)) {
      this.#dropped += 1
      return
    }
    this.#waiting.set(id, change)
    if (this.#timer === null && !this.#closed) void this.flush()
  }

  flush(): Promise<boolean> {
    this.#writing ??= this.#writeAll()
    return this.#writing
  }

  async #writeAll(): Promise<boolean> {
    // Changes of the same turn go together.
    await Promise.resolve()
    try {
      while (this.#waiting.size > 0) {
        if (!(await this.#writeSome())) return false
      }
      return true
    } finally {
      // In the same turn as the last look at what waits: a change must never find a writer that will not look again.
      this.#writing = null
    }
  }

  async #writeSome(): Promise<boolean> {
    const batch = new Map([...this.#waiting].slice(0, BATCH_MAX))
    for (const id of batch.keys()) this.#waiting.delete(id)
    this.#underWay = batch.size
    try {
      await writeBatch(this.#options.run, [...batch.values()])
      return true
    } catch (error) {
      this.#options.onFault('writing the ledger of uploads', error)
      // A newer change of the same upload stands; the batch may have been written, and writing it twice is harmless.
      this.#waiting = new Map([...batch, ...this.#waiting])
      this.#retryLater()
      return false
    } finally {
      this.#underWay = 0
    }
  }

  #retryLater(): void {
    if (this.#closed || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.flush()
    }, this.#options.retryMs)
    this.#timer.unref()
  }

  async list(listing: UploadListing): Promise<UploadPage> {
    await this.flush()
    return listUploads(this.#options.run, listing)
  }

  async listStale(before: Date, max: number): Promise<readonly OpenUpload[]> {
    await this.flush()
    const rows = await this.#options.run<UploadRow[]>`SELECT account, bucket, upload_id, tenant, key, owner, nonce, created_at
      FROM sluice.uploads WHERE created_at < ${before} ORDER BY created_at, upload_id LIMIT ${max}`
    return rows.map(toUpload)
  }

  async hasUploads(tenant: string): Promise<boolean> {
    // A tenant whose upload is not written yet must not look empty to who moves or removes it.
    if (!(await this.flush())) throw Object.assign(new Error('changes of the ledger still wait for Postgres'), { code: 'CONNECTION_WAITS' })
    const rows = await this.#options.run`SELECT 1 FROM sluice.uploads WHERE tenant = ${tenant} LIMIT 1`
    return rows.length > 0
  }

  status(): { waiting: number; dropped: number } {
    return { waiting: this.#waiting.size + this.#underWay, dropped: this.#dropped }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.flush()
  }
}

interface UploadRow {
  readonly account: string
  readonly bucket: string
  readonly upload_id: string
  readonly tenant: string
  readonly key: string
  readonly owner: string
  readonly nonce: string
  readonly created_at: Date
}

const toUpload = (row: UploadRow): OpenUpload => ({
  account: row.account,
  upstreamBucket: row.bucket,
  uploadId: row.upload_id,
  tenant: row.tenant,
  key: row.key,
  owner: row.owner,
  nonce: row.nonce,
  createdAt: row.created_at
})

/** One statement per kind. The order between the kinds does not matter: a batch names an upload once. */
async function writeBatch(run: Run, changes: readonly Change[]): Promise<void> {
  const inserts = changes.flatMap((change) => (change.kind === 'insert' ? [change.upload] : []))
  const removals = changes.flatMap((change) => (change.kind === 'remove' ? [change.upload] : []))
  if (inserts.length > 0) {
    await run`INSERT INTO sluice.uploads (account, bucket, upload_id, tenant, key, owner, nonce, created_at)
      SELECT account, "upstreamBucket", "uploadId", tenant, key, owner, nonce, "createdAt"
      FROM jsonb_to_recordset(${JSON.stringify(inserts)}::text::jsonb) AS new (
        account text, "upstreamBucket" text, "uploadId" text, tenant text, key text, owner text, nonce text, "createdAt" timestamptz)
      ON CONFLICT DO NOTHING`
  }
  if (removals.length > 0) {
    await run`DELETE FROM sluice.uploads AS old
      USING jsonb_to_recordset(${JSON.stringify(removals)}::text::jsonb) AS gone (account text, "upstreamBucket" text, "uploadId" text)
      WHERE old.account = gone.account AND old.bucket = gone."upstreamBucket" AND old.upload_id = gone."uploadId"`
  }
}

interface Position {
  readonly key: string
  /** Null: every upload of the key is passed. */
  readonly uploadId: string | null
}

// No key goes on beyond this after a prefix, so `> prefix + LAST` means "past everything that begins with the prefix".
const LAST = '\u{10FFFF}'

async function listUploads(run: Run, listing: UploadListing): Promise<UploadPage> {
  const { delimiter, max } = listing
  const uploads: OpenUpload[] = []
  const commonPrefixes: string[] = []
  let at: Position = startOf(listing)
  let last: Position | null = null
  // A page that continues behind a common prefix must not show that prefix again.
  let passed: string | null = delimiter !== '' && listing.keyMarker.endsWith(delimiter) ? listing.keyMarker : null
  const page = (isTruncated: boolean): UploadPage => ({
    uploads,
    commonPrefixes,
    isTruncated,
    nextKeyMarker: last?.key ?? null,
    nextUploadIdMarker: last?.uploadId ?? null
  })
  if (max === 0) return page(false)
  for (;;) {
    const limit = max - uploads.length - commonPrefixes.length + 1
    const rows = await fetchAfter(run, listing, { at, limit })
    for (const row of rows) {
      const common = commonPrefixOf(row.key, listing)
      if (common !== null && common === passed) continue
      if (uploads.length + commonPrefixes.length === max) return page(true)
      if (common === null) uploads.push(toUpload(row))
      else commonPrefixes.push(common)
      passed = common
      last = common === null ? { key: row.key, uploadId: row.upload_id } : { key: common, uploadId: null }
    }
    const end = rows.at(-1)
    if (end === undefined || rows.length < limit) return page(false)
    at = passed === null ? { key: end.key, uploadId: end.upload_id } : { key: passed + LAST, uploadId: null }
  }
}

function startOf({ keyMarker, uploadIdMarker, delimiter, prefix }: UploadListing): Position {
  if (delimiter !== '' && keyMarker.length > prefix.length && keyMarker.endsWith(delimiter))
    return { key: keyMarker + LAST, uploadId: null }
  return { key: keyMarker, uploadId: uploadIdMarker }
}

function commonPrefixOf(key: string, { prefix, delimiter }: UploadListing): string | null {
  if (delimiter === '') return null
  const found = key.indexOf(delimiter, prefix.length)
  return found === -1 ? null : key.slice(0, found + delimiter.length)
}

async function fetchAfter(
  run: Run,
  { tenant, owner, prefix }: UploadListing,
  { at, limit }: { at: Position; limit: number }
): Promise<readonly UploadRow[]> {
  return run<UploadRow[]>`SELECT account, bucket, upload_id, tenant, key, owner, nonce, created_at FROM sluice.uploads
    WHERE tenant = ${tenant} AND owner = ${owner} AND state = 'open'
      AND key >= ${prefix} AND starts_with(key, ${prefix})
      AND (key > ${at.key} OR (key = ${at.key} AND upload_id > ${at.uploadId}::text))
    ORDER BY key, upload_id LIMIT ${limit}`
}
