import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { CredentialScope } from './authorization.ts'

/** A secret access key as text, or prepared once by `prepareSecret`. */
export type SecretAccessKey = string | KeyObject

/** The secret as the first key of the derivation. Key objects everywhere: a Buffer key costs Node 24 six times as much per call. */
export function prepareSecret(secretAccessKey: string): KeyObject {
  return createSecretKey(`AWS4${secretAccessKey}`, 'utf8')
}

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
/** Longer texts (a form's policy) take the slower way. */
const TEXT_CHARACTERS_MAX = 4096

// Filled and read within one call.
const inner = Buffer.allocUnsafeSlow(BLOCK_BYTES + 3 * TEXT_CHARACTERS_MAX)
const outer = Buffer.allocUnsafeSlow(BLOCK_BYTES + DIGEST_BYTES)

/** A key of HMAC-SHA256, ready to sign. */
export class SigningKey {
  readonly #key: Buffer
  /** The key under both pads (RFC 2104 section 2). */
  readonly #inner = Buffer.alloc(BLOCK_BYTES, 0x36)
  readonly #outer = Buffer.alloc(BLOCK_BYTES, 0x5c)

  /** `key` is not longer than a block, which would be hashed first. */
  constructor(key: Buffer) {
    if (key.length > BLOCK_BYTES) throw new Error(`a signing key of ${key.length} bytes`)
    this.#key = key
    for (let i = 0; i < key.length; i++) {
      this.#inner[i] = (this.#inner[i] as number) ^ (key[i] as number)
      this.#outer[i] = (this.#outer[i] as number) ^ (key[i] as number)
    }
  }

  /**
   * HMAC-SHA256 in hex of the text in UTF-8. Two one-shot hashes take a third of the time of an Hmac object (Node 24.21).
   * HOT: bench/verify-signature.ts
   */
  sign(text: string): string {
    if (text.length > TEXT_CHARACTERS_MAX) return createHmac('sha256', this.#key).update(text).digest('hex')
    inner.set(this.#inner)
    const length = BLOCK_BYTES + inner.write(text, BLOCK_BYTES)
    outer.set(this.#outer)
    outer.write(hash('sha256', inner.subarray(0, length), 'hex'), BLOCK_BYTES, 'hex')
    return hash('sha256', outer, 'hex')
  }

  /** The key itself. */
  export(): Buffer {
    return Buffer.from(this.#key)
  }
}

/** The key that signs for one day, region and service. */
export function deriveSigningKey(secret: SecretAccessKey, scope: CredentialScope): SigningKey {
  const first = createHmac('sha256', typeof secret === 'string' ? prepareSecret(secret) : secret)
    .update(scope.day)
    .digest()
  return new SigningKey([scope.region, scope.service, 'aws4_request'].reduce(hmac, first))
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', createSecretKey(key)).update(text).digest()
}

/** No region has a longer name; a client may write any, and none of its making is kept. */
const REGION_CHARACTERS_MAX = 64

/** The text alone: one that was cut out of a header would keep all of that header in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}

interface Entry extends CredentialScope {
  readonly secret: SecretAccessKey
  readonly signingKey: SigningKey
}

/** Signing keys by access key id, so that a warm request derives none. Bounded; keeps those used last. */
export class SigningKeyCache {
  readonly #generationEntriesMax: number
  // Two generations instead of a list by age: a hit in the young one costs a look-up and nothing else.
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()

  constructor(entriesMax: number) {
    this.#generationEntriesMax = Math.max(1, Math.floor(entriesMax / 2))
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The signing key of these credentials for the scope; never that of another secret or scope under the same id. */
  keyFor(credentials: { readonly accessKeyId: string; readonly secretAccessKey: SecretAccessKey }, scope: CredentialScope): SigningKey {
    const { accessKeyId, secretAccessKey } = credentials
    const young = this.#young.get(accessKeyId)
    if (young !== undefined && serves(young, secretAccessKey, scope)) return young.signingKey
    const old = this.#old.get(accessKeyId)
    const entry = old !== undefined && serves(old, secretAccessKey, scope) ? old : makeEntry(secretAccessKey, scope)
    if (scope.region.length > REGION_CHARACTERS_MAX) return entry.signingKey
    if (this.#young.size >= this.#generationEntriesMax && young === undefined) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(accessKeyId)
    this.#young.set(copyOf(accessKeyId), entry)
    return entry.signingKey
  }
}

function serves(entry: Entry, secret: SecretAccessKey, scope: CredentialScope): boolean {
  return entry.secret === secret && entry.day === scope.day && entry.region === scope.region && entry.service === scope.service
}

function makeEntry(secret: SecretAccessKey, scope: CredentialScope): Entry {
  const { service } = scope
  const [day, region] = [copyOf(scope.day), copyOf(scope.region)]
  return { secret, day, region, service, signingKey: deriveSigningKey(secret, scope) }
}
