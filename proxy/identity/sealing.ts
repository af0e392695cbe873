import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'

export const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What is sealed, and what it is bound to without being in it. */
export interface Sealing {
  /** Twelve random bytes, never used twice with one key (NIST SP 800-38D: at most 2^32 random nonces per key; rotate before that). */
  readonly nonce: Buffer
  /** Must be equal when opened, byte for byte. */
  readonly boundTo: Buffer
  readonly plain: Buffer
}

/** Seals with AES-256-GCM: nonce, ciphertext, tag. */
export function seal(key: KeyObject, { nonce, boundTo, plain }: Sealing): Buffer {
  if (nonce.length !== NONCE_BYTES) throw new TypeError(`a nonce has ${NONCE_BYTES} bytes`)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(boundTo)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Opens what `seal` made with the same key and binding, or null: nothing of a changed text is ever returned. */
export function open(key: KeyObject, sealed: Buffer, boundTo: Buffer): Buffer | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null
  const tagAt = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(boundTo)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, tagAt))
  try {
    decipher.final()
  } catch {
    return null
  }
  return plain
}

/** One unambiguous encoding of several texts: each with its length before it, so that no two lists encode alike. */
export function lengthPrefixed(texts: readonly string[]): Buffer {
  const parts: Buffer[] = []
  for (const text of texts) {
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.length)
    parts.push(length, bytes)
  }
  return Buffer.concat(parts)
}
