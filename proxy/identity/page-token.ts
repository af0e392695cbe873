import { bytesOfBase64url } from './base64url.ts'
import type { KeyRing, Sealer } from './key-ring.ts'
import { NONCE_BYTES, lengthPrefixed, open, seal } from './sealing.ts'

/** What a page token is good for: the same listing, in the same place. */
export interface PageBinding {
  readonly tenant: string
  readonly account: string
  readonly upstreamBucket: string
  readonly prefix: string
  /** Which listing: a token of one kind does not continue another. */
  readonly kind: string
}

const VERSION = 1
const HEAD_BYTES = 5
const TOKEN_CHARS_MAX = 8 * 1024

/** Seals what the upstream called the next page; an upstream's own token may hold the physical key in clear. */
export function sealPageToken({ ring, random }: Sealer, upstreamToken: string, binding: PageBinding): string {
  const key = ring.active
  const head = Buffer.concat([Buffer.from([VERSION]), Buffer.from(key.kid, 'hex')])
  const plain = Buffer.from(upstreamToken, 'utf8')
  const sealed = seal(key.keys['page-token'], { nonce: random(NONCE_BYTES), boundTo: boundTo(head, binding), plain })
  return Buffer.concat([head, sealed]).toString('base64url')
}

/** The upstream's token, or null for a changed one, one of another listing or tenant, or one whose sealing key is gone. */
export function openPageToken(ring: KeyRing, text: string, binding: PageBinding): string | null {
  if (text.length > TOKEN_CHARS_MAX) return null
  const bytes = bytesOfBase64url(text)
  if (bytes === null || bytes.length <= HEAD_BYTES || bytes[0] !== VERSION) return null
  const head = bytes.subarray(0, HEAD_BYTES)
  const key = ring.find(head.toString('hex', 1))
  if (key === null) return null
  const plain = open(key.keys['page-token'], bytes.subarray(HEAD_BYTES), boundTo(head, binding))
  return plain === null ? null : plain.toString('utf8')
}

function boundTo(head: Buffer, { tenant, account, upstreamBucket, prefix, kind }: PageBinding): Buffer {
  return Buffer.concat([head, lengthPrefixed([tenant, account, upstreamBucket, prefix, kind])])
}
