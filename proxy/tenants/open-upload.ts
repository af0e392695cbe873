/** One open multipart upload as the ledger keeps it. */
export interface OpenUpload {
  readonly account: string
  readonly upstreamBucket: string
  /** The upstream's own id. */
  readonly uploadId: string
  readonly tenant: string
  /** The tenant's key, without prefix. */
  readonly key: string
  readonly owner: string
  readonly nonce: string
  readonly createdAt: Date
}

export type UploadRef = Pick<OpenUpload, 'account' | 'upstreamBucket' | 'uploadId'>

export interface UploadListing {
  readonly tenant: string
  readonly owner: string
  readonly prefix: string
  /** '' for none. */
  readonly delimiter: string
  /** '' for none. */
  readonly keyMarker: string
  /** The upstream's id; null where only the key marks. */
  readonly uploadIdMarker: string | null
  readonly max: number
}

export interface UploadPage {
  readonly uploads: readonly OpenUpload[]
  readonly commonPrefixes: readonly string[]
  readonly isTruncated: boolean
  /** Key or common prefix that came last; null on an empty page. */
  readonly nextKeyMarker: string | null
  /** The upstream's id of the upload that came last; null where a common prefix did. */
  readonly nextUploadIdMarker: string | null
}
