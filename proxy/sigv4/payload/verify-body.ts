import type { ByteSource } from '../../transport/transport.ts'
import { makeDigest, type Digest, type DigestAlgorithm } from './digest.ts'
import type { PayloadProblem } from './problem.ts'
import { splitHeld, Transform } from './transform.ts'

/** One digest that a body must have. */
export interface BodyCheck {
  readonly algorithm: DigestAlgorithm
  /** The digest due. Asked once, when the body has come whole, so that it may stand in a trailer; throws when it is malformed. */
  expected(): Uint8Array
  /** The refusal of another digest. */
  mismatch(): PayloadProblem
}

/**
 * The same bytes, ending only if every check holds: the last bytes are held back until then, and a mismatch fails the flow.
 * A body of no bytes has nothing to hold: collect it before anything is sent on.
 */
export function verifyBody(source: ByteSource, checks: readonly BodyCheck[]): ByteSource {
  return checks.length === 0 ? source : new BodyVerifier(source, checks)
}

class BodyVerifier extends Transform {
  readonly length: number | null
  readonly #checks: readonly { readonly check: BodyCheck; readonly digest: Digest }[]
  #passed = 0
  #held: Uint8Array | null = null

  constructor(source: ByteSource, checks: readonly BodyCheck[]) {
    super(source)
    this.length = source.length
    this.#checks = checks.map((check) => ({ check, digest: makeDigest(check.algorithm) }))
  }

  protected take(bytes: Uint8Array): void {
    for (const { digest } of this.#checks) digest.update(bytes)
    if (this.#held !== null) this.emit(this.#held)
    this.#held = null
    this.#passed += bytes.length
    // Where no length was declared every piece may be the last.
    if (this.length !== null && this.#passed < this.length) {
      this.emit(bytes)
      return
    }
    const { free, held } = splitHeld(bytes)
    this.emit(free)
    this.#held = held
  }

  protected finish(): void {
    for (const { check, digest } of this.#checks) {
      // Not secret: both sides are the client's own.
      if (Buffer.compare(digest.digest(), check.expected()) !== 0) throw check.mismatch()
    }
    if (this.#held !== null) this.emit(this.#held)
  }
}
