import type { CachedOwner } from './steps.ts'

/** What an entry is about. */
export interface CachedPlace {
  readonly account: string
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
}

interface Entry {
  readonly value: CachedOwner
  readonly expiresAtMs: number
}

export interface OwnerCacheOptions {
  readonly entriesMax: number
  /** Seconds, not minutes: an entry speeds reads and says nothing about now. */
  readonly lifeMs: number
  elapsedMs(): number
}

/** Owners seen lately, by account, bucket, key and version. Bounded; keeps those used last. */
export class OwnerCache {
  readonly #options: OwnerCacheOptions
  // Two generations: a hit in the young one costs a look-up and nothing else.
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()

  constructor(options: OwnerCacheOptions) {
    this.#options = options
  }

  get(place: CachedPlace): CachedOwner | null {
    const name = nameOf(place)
    const entry = this.#young.get(name) ?? this.#old.get(name)
    if (entry === undefined) return null
    if (entry.expiresAtMs > this.#options.elapsedMs()) return entry.value
    this.#forget(name)
    return null
  }

  set(place: CachedPlace, value: CachedOwner | null): void {
    const name = nameOf(place)
    this.#forget(name)
    if (value === null) return
    if (this.#young.size >= Math.max(1, this.#options.entriesMax / 2)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, { value, expiresAtMs: this.#options.elapsedMs() + this.#options.lifeMs })
  }

  #forget(name: string): void {
    this.#young.delete(name)
    this.#old.delete(name)
  }
}

// JSON of a tuple: no two places have one name, whatever characters their keys hold.
function nameOf({ account, bucket, key, versionId }: CachedPlace): string {
  return JSON.stringify([account, bucket, key, versionId ?? null])
}
