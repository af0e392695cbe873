import type { Behavior } from './behavior.ts'
import { StoreError } from './error.ts'
import { parameter, type StoreRequest } from './request.ts'
import { compareUtf8 } from './state.ts'

/** One name of a listing: an entry, or the common prefix that stands for many. */
export type Listed<T> = { readonly name: string; readonly entry: T } | { readonly name: string; readonly entry: null }

export interface Walk {
  readonly prefix: string
  readonly delimiter: string
  /** The listing begins with the first name above this one; a common prefix also counts as seen when this begins with it. */
  readonly after: string
  readonly limit: number
}

export interface Page<T> {
  readonly names: readonly Listed<T>[]
  readonly truncated: boolean
}

/**
 * A page of a sorted list. The prefix is cut before the delimiter is looked for, so a delimiter that also occurs in the
 * prefix groups nothing by it.
 */
export function walk<T>(entries: Iterable<readonly [name: string, entry: T]>, { prefix, delimiter, after, limit }: Walk): Page<T> {
  const names: Listed<T>[] = []
  let group: string | null = null
  for (const [name, entry] of entries) {
    if (!name.startsWith(prefix) || (group !== null && name.startsWith(group))) continue
    const cut = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    const listed: Listed<T> = cut === -1 ? { name, entry } : { name: name.slice(0, cut + delimiter.length), entry: null }
    if (listed.entry === null) group = listed.name
    if (isPast(listed, name, after)) continue
    if (names.length === limit) return { names, truncated: limit > 0 }
    names.push(listed)
  }
  return { names, truncated: false }
}

// A marker `boo/` that was a common prefix has been answered: nothing below it is repeated. A marker `boo/a` typed by a
// client lies inside the group, and S3 lists the group again as long as anything in it follows the marker.
function isPast<T>(listed: Listed<T>, name: string, after: string): boolean {
  if (after === '') return false
  if (listed.entry === null && listed.name === after) return true
  return compareUtf8(name, after) <= 0
}

/** max-keys, max-uploads and their like: at most 1000, whatever was asked. */
export function readLimit(request: StoreRequest, name: string): { readonly asked: number; readonly limit: number } {
  const text = parameter(request, name)
  if (text === null || text === '') return { asked: 1000, limit: 1000 }
  const asked = Number(text)
  if (!/^-?\d{1,10}$/.test(text) || asked < 0 || asked > 2 ** 31 - 1) {
    throw new StoreError('InvalidArgument', { message: `Argument ${name} must be an integer between 0 and 2147483647` })
  }
  return { asked, limit: Math.min(asked, 1000) }
}

/** How names are written: plain, or as `encoding-type=url` asks. */
export function nameWriter(request: StoreRequest, { listedSpace, minioQuirks }: Behavior): (name: string) => string {
  const type = parameter(request, 'encoding-type')
  // Measured on MinIO: a character that XML cannot carry becomes another one, that is, another key.
  if (type === null || type === '') return (name) => (minioQuirks ? name.replaceAll('\uffff', '\ufffd') : name)
  if (type !== 'url') throw new StoreError('InvalidArgument', { message: 'Invalid Encoding Method specified in Request' })
  return (name) => encodeName(name, listedSpace)
}

// encodeURIComponent leaves ! ' ( ) * and ~ alone; S3 leaves only - _ . * and the slash among the marks.
function encodeName(name: string, listedSpace: '%20' | '+'): string {
  return encodeURIComponent(name)
    .replace(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', listedSpace)
}
