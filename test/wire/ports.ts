/** Leases and the ledger of uploads in memory, each telling what it was asked. */
import type { LeasePort, LedgerPort } from '../../proxy/stages/ports.ts'
import type { OpenUpload } from '../../proxy/tenants/open-upload.ts'

/** `lingers`: a request of unknown outcome still has every lease. `unavailable`: no lease can be had. */
export type LeaseBehaviour = 'free' | 'lingers' | 'unavailable'

const LIFE_MS = 3_600_000

/** Leases that are free, or are not, as the exchange says. */
export function createLeasePort(behaviour: LeaseBehaviour, note: (text: string) => void): LeasePort {
  return {
    open({ account, bucket }) {
      const held = new Set<string>()
      return {
        take(key, shared) {
          const state = behaviour === 'free' ? 'held' : behaviour
          note(`lease on ${account} ${bucket} ${key}${shared ? ' (shared)' : ''}: ${state}`)
          if (state === 'held') held.add(key)
          return Promise.resolve(state)
        },
        release(key, unknown) {
          held.delete(key)
          note(`lease on ${account} ${bucket} ${key} ${unknown ? 'left to expire' : 'given back'}`)
          return Promise.resolve()
        },
        left: (key) => (held.has(key) ? LIFE_MS : 0)
      }
    }
  }
}

/** A ledger that pages nothing: exchanges have few uploads. */
export function createLedger(note: (text: string) => void): LedgerPort {
  const open: OpenUpload[] = []
  return {
    insert(upload) {
      note(`ledger: upload ${upload.uploadId} of ${upload.account} ${upload.upstreamBucket} is open`)
      open.push(upload)
    },
    remove({ account, upstreamBucket, uploadId }) {
      note(`ledger: upload ${uploadId} of ${account} ${upstreamBucket} has ended`)
      const at = open.findIndex((upload) => upload.uploadId === uploadId)
      if (at !== -1) open.splice(at, 1)
    },
    list({ tenant, owner, prefix, max }) {
      const uploads = open.filter((upload) => upload.tenant === tenant && upload.owner === owner && upload.key.startsWith(prefix))
      return Promise.resolve({
        uploads: uploads.slice(0, max),
        commonPrefixes: [],
        isTruncated: uploads.length > max,
        nextKeyMarker: null,
        nextUploadIdMarker: null
      })
    },
    hasUploads: (tenant) => Promise.resolve(open.some((upload) => upload.tenant === tenant))
  }
}
