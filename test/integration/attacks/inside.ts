import type { RecordedRequest } from '../../../proxy/dev/store/request-log.ts'
import type { Caller } from './rig.ts'
import { ADOPTED } from './rig-config.ts'

/**
 * The upstream requests that name a key outside the prefix of every tenant that the caller's role names, one sentence each.
 * Nothing at all may be asked for nobody. Path, listing parameters, copy sources and keys in documents are looked at.
 */
export function strayed(requests: readonly RecordedRequest[], caller: Caller | null): readonly string[] {
  return requests.flatMap((request) => {
    if (caller === null) return [`${request.method} ${request.rawTarget} was sent for nobody`]
    return namesIn(request)
      .filter((name) => !isInside(name, caller))
      .map((name) => `${request.method} ${request.rawTarget} names ${JSON.stringify(name)}, outside the tenants of ${caller.service}`)
  })
}

interface Name {
  readonly bucket: string
  readonly key: string
  /** A prefix's last segment goes on; a marker is a place in the order of names and no name. */
  readonly as?: 'prefix' | 'marker'
}

function isInside({ bucket, key, as }: Name, { tenants }: Caller): boolean {
  const segments = as === 'marker' ? [] : key.split('/').slice(0, as === 'prefix' ? -1 : undefined)
  const isDotted = segments.some((segment) => segment === '.' || segment === '..')
  if (bucket === ADOPTED.bucket) return tenants !== 'tb-' && !isDotted
  const tenant = key.slice(0, key.indexOf('/') + 1)
  return tenant.length > 1 && tenant.startsWith(tenants) && !isDotted
}

function namesIn({ rawTarget, rawHeaders, document }: RecordedRequest): readonly Name[] {
  const mark = rawTarget.indexOf('?')
  const path = mark === -1 ? rawTarget : rawTarget.slice(0, mark)
  const query = new URLSearchParams(mark === -1 ? '' : rawTarget.slice(mark + 1).replaceAll('+', '%2B'))
  const [, bucket = '', ...rest] = path.split('/')
  const at = (key: string): Name => ({ bucket, key })
  const names = rest.length > 0 && rest.join('/') !== '' ? [at(decodeURIComponent(rest.join('/')))] : []
  for (const parameter of ['prefix', 'start-after', 'marker', 'key-marker']) {
    const value = query.get(parameter)
    if (value !== null) names.push({ ...at(value), as: parameter === 'prefix' ? 'prefix' : 'marker' })
  }
  // A listing without a prefix would be one of every tenant.
  if (names.length === 0 && (query.has('list-type') || query.has('versions') || query.has('uploads'))) names.push(at(''))
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'x-amz-copy-source') continue
    const source = decodeURIComponent((rawHeaders[index + 1] ?? '').split('?')[0] ?? '').replace(/^\//, '')
    names.push({ bucket: source.slice(0, source.indexOf('/')), key: source.slice(source.indexOf('/') + 1) })
  }
  if (query.has('delete')) for (const [, key = ''] of (document ?? '').matchAll(/<Key>([^<]*)<\/Key>/g)) names.push(at(key))
  return names
}
