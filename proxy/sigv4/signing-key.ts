import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { CredentialScope } from './authorization.ts'

/** A secret access key as text, or prepared once by `prepareSecret`. */
export type SecretAccessKey = string | KeyObject

/** The secret as the first key of the derivation. Key objects everywhere: a Buffer key costs Node 24 six times as much per call. */
export function prepareSecret(secretAccessKey: string): KeyObject {
  return createSecretKey(`AWS4${secretAccessKey}`, 'utf8')
}

/** The key that signs for one day, region and service. */
export function deriveSigningKey(secret: SecretAccessKey, scope: CredentialScope): KeyObject {
  let key = typeof secret === 'string' ? prepareSecret(secret) : secret
  for (const text of [scope.day, scope.region, scope.service, 'aws4_request']) {
    key = createSecretKey(createHmac('sha256', key).update(text).digest())
  }
  return key
}

interface Entry extends CredentialScope {
  readonly secret: SecretAccessKey
  readonly signingKey: KeyObject
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
  keyFor(credentials: { readonly accessKeyId: string; readonly secretAccessKey: SecretAccessKey }, scope: CredentialScope): KeyObject {
    const { accessKeyId, secretAccessKey } = credentials
    const young = this.#young.get(accessKeyId)
    if (young !== undefined && serves(young, secretAccessKey, scope)) return young.signingKey
    const old = this.#old.get(accessKeyId)
    const entry = old !== undefined && serves(old, secretAccessKey, scope) ? old : makeEntry(secretAccessKey, scope)
    if (this.#young.size >= this.#generationEntriesMax && young === undefined) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(accessKeyId)
    this.#young.set(accessKeyId, entry)
    return entry.signingKey
  }
}

function serves(entry: Entry, secret: SecretAccessKey, scope: CredentialScope): boolean {
  return entry.secret === secret && entry.day === scope.day && entry.region === scope.region && entry.service === scope.service
}

function makeEntry(secret: SecretAccessKey, { day, region, service }: CredentialScope): Entry {
  return { secret, day, region, service, signingKey: deriveSigningKey(secret, { day, region, service }) }
}
