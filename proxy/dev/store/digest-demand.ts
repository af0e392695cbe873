import { createHash } from 'node:crypto'
import { readBytes, sliceBytes, type BytesVault, type StoredBytes } from './stored-bytes.ts'

/** A range of bytes that never change. */
export interface ByteSpan {
  readonly bytes: StoredBytes
  readonly first: number
  readonly length: number
}

/**
 * Thrown by a handler that needs the MD5 of stored bytes, before it changed anything. Reading takes time and an effect is an
 * instant, so the digest is computed outside and the handler is asked again: by then it judges everything anew.
 */
export class DigestDemand extends Error {
  readonly span: ByteSpan

  constructor(span: ByteSpan) {
    super('the MD5 of stored bytes is needed')
    this.name = 'DigestDemand'
    this.span = span
  }
}

/** The digests that one request has asked for so far. */
export class Digests {
  readonly #known: { readonly span: ByteSpan; readonly md5: Buffer }[] = []

  /** The digest, or a demand for it. */
  md5(span: ByteSpan): Buffer {
    const found = this.#known.find(
      ({ span: { bytes, first, length } }) => bytes === span.bytes && first === span.first && length === span.length
    )
    if (found === undefined) throw new DigestDemand(span)
    return found.md5
  }

  async supply(span: ByteSpan, vault: BytesVault): Promise<void> {
    const held = vault.hold(sliceBytes(span.bytes, span.first, span.length))
    const hash = createHash('md5')
    try {
      for await (const piece of readBytes(held)) hash.update(piece)
    } finally {
      vault.release(held)
    }
    this.#known.push({ span, md5: hash.digest() })
  }
}
