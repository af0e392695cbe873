import { S3Error } from '../s3/error.ts'
import type { LeasePort, LedgerPort } from '../stages/ports.ts'

/** Nothing can be leased: what needs a lease is refused as when Postgres does not answer. */
export const NO_LEASES: LeasePort = {
  open: () => ({ take: () => Promise.resolve('unavailable'), release: () => Promise.resolve(), left: () => 0 })
}

/** No upload is written down. An upload id says by itself where its upload is, so uploads work; only listing them does not. */
export const NO_LEDGER: LedgerPort = {
  insert: () => undefined,
  remove: () => undefined,
  list: () =>
    Promise.reject(
      new S3Error('NotImplemented', 'there is no ledger of uploads', {
        Message: 'This endpoint keeps no list of open uploads: it has no database. List them at a central Sluice, or by the account.'
      })
    ),
  hasUploads: () => Promise.resolve(false)
}
