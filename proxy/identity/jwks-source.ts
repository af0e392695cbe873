import type { FetchJson } from './fetch-json.ts'

/** Where an issuer's keys come from. */
export type JwksSource =
  | { readonly kind: 'url'; readonly url: string; readonly caFile: string | null; readonly bearerTokenFile: string | null }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly jwks: unknown }

export interface SourceReaders {
  readonly fetchJson: FetchJson
  readonly readFile: (path: string) => Promise<string>
}

/** The function that reads the key set of a source. Files are read at each call: kubelet exchanges tokens and certificates under us. */
export function loaderOf(source: JwksSource, { fetchJson, readFile }: SourceReaders): () => Promise<unknown> {
  switch (source.kind) {
    case 'url': {
      const { url, caFile, bearerTokenFile } = source
      return async () => {
        const ca = caFile === null ? null : await readFile(caFile)
        const bearer = bearerTokenFile === null ? null : (await readFile(bearerTokenFile)).trim()
        return fetchJson(url, { ca, bearer })
      }
    }
    case 'file':
      return async () => JSON.parse(await readFile(source.path)) as unknown
    case 'inline':
      return () => Promise.resolve(source.jwks)
    default:
      return source satisfies never
  }
}

/** What is wrong with a source, or null. Keys fetched over plain http are anybody's keys, except on this machine. */
export function problemOfSource(source: JwksSource): string | null {
  if (source.kind !== 'url') return null
  if (!URL.canParse(source.url)) return 'the URL of the keys is not a URL'
  const { protocol, hostname, username } = new URL(source.url)
  if (username !== '') return 'the URL of the keys must not hold credentials'
  if (protocol === 'https:') return null
  if (protocol === 'http:' && isLoopback(hostname)) return null
  return 'the URL of the keys must be https (http only on loopback)'
}

function isLoopback(hostname: string): boolean {
  // A URL's host is already normalised: 127.1 and 0x7f000001 read 127.0.0.1 here.
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
