import { S3Error } from './error.ts'
import { isSingleHeader } from './headers.ts'

const USER_METADATA = 'x-amz-meta-'

/**
 * A request's headers by lower-case name, over the flat list of the wire. Repeated ones are joined by `,`, as S3 does
 * with metadata; those that decide who calls, what is addressed or what the body is may come only once.
 * HOT: bench/headers.ts
 */
export class HeaderView {
  readonly #values = new Map<string, string>()

  constructor(rawHeaders: readonly string[]) {
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = (rawHeaders[index] ?? '').toLowerCase()
      const value = rawHeaders[index + 1] ?? ''
      // Servers that map `_` and `-` to one name would read another header than the one that was checked (attack S-8).
      if (name.includes('_') && !name.startsWith(USER_METADATA))
        throw new S3Error('InvalidRequest', `header name "${name}" has an underscore`)
      const before = this.#values.get(name)
      if (before === undefined) this.#values.set(name, value)
      else this.#values.set(name, joined(name, before, value))
    }
  }

  /** The value of a header, by lower-case name. */
  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  names(): MapIterator<string> {
    return this.#values.keys()
  }

  entries(): MapIterator<[name: string, value: string]> {
    return this.#values.entries()
  }
}

function joined(name: string, before: string, value: string): string {
  if (isSingleHeader(name)) throw new S3Error('InvalidRequest', `header ${name} comes twice`)
  return `${before},${value}`
}
