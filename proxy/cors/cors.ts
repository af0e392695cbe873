import { headerValues } from '../transport/header-values.ts'
import type { RequestHead } from '../transport/transport.ts'

/** What pages of other origins may do (Fetch standard, "CORS protocol"). With no origin nothing is open. */
export interface CorsSettings {
  /** Exact origins, ones with a `*` in place of a part of the host, or `*` alone for any. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** Request headers that pages may set, in any case; a `*` in a name stands for anything. */
  readonly headers: readonly string[]
  /** Answer headers that pages may read. */
  readonly exposedHeaders: readonly string[]
  readonly maxAgeSeconds: number
}

/** What a preflight is told: the headers of a permission, or why there is none. */
export type Preflight =
  | { readonly kind: 'allowed'; readonly rawHeaders: readonly string[] }
  | { readonly kind: 'incomplete' | 'refused'; readonly message: string; readonly method: string | null }

export interface Cors {
  /** Answers an OPTIONS request from its head alone. */
  preflight(head: RequestHead): Preflight
  /** What every other answer carries, refusals too; none where nothing is open. */
  answerHeaders(head: RequestHead): readonly string[]
}

const NONE: readonly string[] = []
// A cache that keeps an answer for one origin must not give it to another.
const VARY = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * The CORS rules of a listener. Answers are for credentials that a page holds itself (a signature, a token), never for
 * cookies: `Access-Control-Allow-Credentials` is not sent to anybody.
 */
export function createCors(settings: CorsSettings): Cors {
  const isOrigin = matcher(settings.origins, (text) => text)
  const isHeader = matcher(settings.headers, (text) => text.toLowerCase())
  const methods = new Set(settings.methods)
  const any = settings.origins.includes('*')
  const exposed = settings.exposedHeaders.join(', ')

  const permission = (origin: string): string[] => ['access-control-allow-origin', any ? '*' : origin]
  return {
    preflight(head) {
      const origin = headerOf(head, 'origin')
      const method = headerOf(head, 'access-control-request-method')
      if (origin === null) return incomplete('Insufficient information. Origin request header needed.', method)
      if (method === null || !TOKEN.test(method)) return incomplete(`Invalid Access-Control-Request-Method: ${method ?? 'null'}`, method)
      if (settings.origins.length === 0) return refused('CORSResponse: CORS is not enabled for this bucket.', method)
      const wanted = namesOf(headerOf(head, 'access-control-request-headers'))
      if (!isOrigin(origin) || !methods.has(method) || !wanted.every((name) => TOKEN.test(name) && isHeader(name)))
        return refused(NOT_ALLOWED, method)
      const rawHeaders = [
        ...permission(origin),
        ...['access-control-allow-methods', settings.methods.join(', ')],
        ...(wanted.length === 0 ? NONE : ['access-control-allow-headers', wanted.join(', ')]),
        ...['access-control-max-age', String(settings.maxAgeSeconds), 'vary', VARY]
      ]
      return { kind: 'allowed', rawHeaders }
    },
    answerHeaders(head) {
      if (settings.origins.length === 0) return NONE
      const origin = headerOf(head, 'origin')
      if (origin === null || !isOrigin(origin) || !methods.has(head.method)) return ['vary', VARY]
      return [...permission(origin), ...(exposed === '' ? NONE : ['access-control-expose-headers', exposed]), 'vary', VARY]
    }
  }
}

const NOT_ALLOWED = 'CORSResponse: This CORS request is not allowed: its origin, its method or a header of it is not among those permitted.'

const incomplete = (message: string, method: string | null): Preflight => ({ kind: 'incomplete', message, method })
const refused = (message: string, method: string): Preflight => ({ kind: 'refused', message, method })

/** True for a text that one of the patterns is; a pattern has at most one `*`. */
function matcher(patterns: readonly string[], normal: (text: string) => string): (text: string) => boolean {
  const exact = new Set(patterns.map(normal))
  const open = patterns.map(normal).flatMap((pattern) => {
    const star = pattern.indexOf('*')
    return star < 0 ? [] : [[pattern.slice(0, star), pattern.slice(star + 1)] as const]
  })
  return (text) => {
    const wanted = normal(text)
    // Longer than both ends together, so that the star stands for something and the ends do not share a letter.
    const fits = ([start, end]: readonly [string, string]): boolean =>
      (wanted.length > start.length + end.length && wanted.startsWith(start) && wanted.endsWith(end)) || start + end === ''
    return exact.has(wanted) || open.some(fits)
  }
}

/** The only value of a header; null where it is missing or, being two, says nothing. */
function headerOf({ rawHeaders }: RequestHead, name: string): string | null {
  const [value = null, ...more] = headerValues(rawHeaders, name)
  return more.length === 0 ? value : null
}

function namesOf(list: string | null): readonly string[] {
  if (list === null) return NONE
  return list
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}
