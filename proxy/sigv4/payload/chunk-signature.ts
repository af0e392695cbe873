import { hash } from 'node:crypto'
import { sha256OfLatin1 } from '../canonical-request.ts'
import type { SigningKey } from '../signing-key.ts'
import { isSignature } from '../string-to-sign.ts'

/** What a chunk's signature rests on besides the chunk. */
export interface ChunkSigning {
  readonly signingKey: SigningKey
  /** `yyyymmddThhmmssZ`, from the head of the request. */
  readonly amzDate: string
  /** `yyyymmdd/region/s3/aws4_request`. */
  readonly scope: string
  /** The signature of the head: the first link of the chain. */
  readonly seedSignature: string
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** The chain of signatures through a body: each chunk signs the one before, so none can be dropped, moved or repeated. */
export class ChunkChain {
  readonly #signing: ChunkSigning
  readonly #chunkPrefix: string
  #previous: string

  constructor(signing: ChunkSigning) {
    this.#signing = signing
    this.#chunkPrefix = `AWS4-HMAC-SHA256-PAYLOAD\n${signing.amzDate}\n${signing.scope}\n`
    this.#previous = signing.seedSignature
  }

  /** True when the signature is that of the data as the next chunk; the chain then stands on it. */
  isNext(data: Uint8Array, signature: string): boolean {
    const text = `${this.#chunkPrefix}${this.#previous}\n${EMPTY_SHA256}\n${hash('sha256', data, 'hex')}`
    if (!isSignature(signature, this.#signing.signingKey.sign(text))) return false
    this.#previous = signature
    return true
  }

  /** True when the signature is that of the trailer behind the last chunk; `canonicalTrailer` holds one character per byte. */
  isTrailer(canonicalTrailer: string, signature: string): boolean {
    const { amzDate, scope, signingKey } = this.#signing
    const text = `AWS4-HMAC-SHA256-TRAILER\n${amzDate}\n${scope}\n${this.#previous}\n${sha256OfLatin1(canonicalTrailer)}`
    return isSignature(signature, signingKey.sign(text))
  }
}
