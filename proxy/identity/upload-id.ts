import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { bytesOfBase64url } from './base64url.ts'
import type { KeyRing, RingKey } from './key-ring.ts'
import { lengthPrefixed } from './sealing.ts'

/** Where an upload really is. Requests are routed by it, so a tenant that moves does not lose its open uploads. */
export interface UploadPlace {
  readonly account: string
  readonly upstreamBucket: string
  /** The upstream's own id. */
  readonly uploadId: string
  /** Also in the object's hidden metadata: proves that a retried Complete was already done. */
  readonly nonce: string
}

/** Whose upload it is, for what. Not in the id: it must be known to open it. */
export interface UploadBinding {
  readonly tenant: string
  /** The key as the tenant names it. */
  readonly key: string
  readonly owner: string
}

const UPLOAD_ID = /^([0-9a-f]{8})\.([\w-]+)\.([\w-]{43})$/
const UPLOAD_ID_CHARS_MAX = 4096
const IV_BYTES = 16

/**
 * The upload id that the client gets: `kid.place.mac`, all URL-safe. The same upload always has the same id (under one key), because
 * clients compare the id of CreateMultipartUpload with those of ListMultipartUploads. The place is encrypted under an IV taken
 * from the MAC (as SIV does, RFC 5297), so that the id tells no bucket, account or nonce.
 */
export function sealUploadId(ring: KeyRing, place: UploadPlace, binding: UploadBinding): string {
  const key = ring.active
  const plain = lengthPrefixed([place.account, place.upstreamBucket, place.uploadId, place.nonce])
  const mac = macOf(key, plain, binding)
  const cipher = createCipheriv('aes-256-ctr', key.keys['upload-id-cover'], mac.subarray(0, IV_BYTES))
  return `${key.kid}.${cipher.update(plain).toString('base64url')}.${mac.toString('base64url')}`
}

/** Where the upload is, or null if the id was not made for this tenant, key and owner, or its sealing key is gone: all alike NoSuchUpload. */
export function openUploadId(ring: KeyRing, text: string, binding: UploadBinding): UploadPlace | null {
  if (text.length > UPLOAD_ID_CHARS_MAX) return null
  const match = UPLOAD_ID.exec(text)
  if (match === null) return null
  const key = ring.find(match[1] as string)
  const covered = bytesOfBase64url(match[2] as string)
  const mac = bytesOfBase64url(match[3] as string)
  if (key === null || covered === null || mac === null) return null
  const plain = createDecipheriv('aes-256-ctr', key.keys['upload-id-cover'], mac.subarray(0, IV_BYTES)).update(covered)
  // Both are the 32 bytes of a SHA-256: the pattern fixes the length, and timingSafeEqual throws on unequal ones.
  if (!timingSafeEqual(macOf(key, plain, binding), mac)) return null
  const [account, upstreamBucket, uploadId, nonce] = textsOf(plain)
  if (account === undefined || upstreamBucket === undefined || uploadId === undefined || nonce === undefined) return null
  return { account, upstreamBucket, uploadId, nonce }
}

function macOf(key: RingKey, plain: Buffer, { tenant, key: objectKey, owner }: UploadBinding): Buffer {
  const bound = lengthPrefixed([tenant, objectKey, owner])
  // The binding tells its own lengths, so where it ends and the place begins is not open to choice.
  return createHmac('sha256', key.keys['upload-id']).update(bound).update(plain).digest()
}

function textsOf(plain: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + 4 <= plain.length;) {
    const end = at + 4 + plain.readUInt32BE(at)
    texts.push(plain.toString('utf8', at + 4, end))
    at = end
  }
  return texts
}
