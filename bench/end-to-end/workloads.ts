/** One kind of request, as the goals name it. */
export interface Workload {
  readonly name: string
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly size: number
  /** The file at the upstream, or the beginning of the keys that are written. */
  readonly object: string
  readonly connections: number
  readonly payload: 'none' | 'UNSIGNED-PAYLOAD' | 'hash' | 'signed-chunks'
  /** A key of its own for each request. */
  readonly newKeys: boolean
}

const KIB = 1024
const MIB = 1024 * KIB

/** The goals' rows, with how many requests are under way at once. */
export const WORKLOADS: readonly Workload[] = [
  { name: 'GET 1 KiB', method: 'GET', size: KIB, object: '1k', connections: 64, payload: 'none', newKeys: false },
  { name: 'HEAD', method: 'HEAD', size: KIB, object: '1k', connections: 64, payload: 'none', newKeys: false },
  { name: 'GET 64 KiB', method: 'GET', size: 64 * KIB, object: '64k', connections: 64, payload: 'none', newKeys: false },
  { name: 'GET 64 MiB', method: 'GET', size: 64 * MIB, object: '64m', connections: 8, payload: 'none', newKeys: false },
  { name: 'PUT 1 KiB', method: 'PUT', size: KIB, object: 'new', connections: 64, payload: 'hash', newKeys: true },
  {
    name: 'PUT 64 MiB, UNSIGNED-PAYLOAD',
    method: 'PUT',
    size: 64 * MIB,
    object: 'put',
    connections: 8,
    payload: 'UNSIGNED-PAYLOAD',
    newKeys: true
  },
  { name: 'PUT 64 MiB, hex digest', method: 'PUT', size: 64 * MIB, object: 'put', connections: 8, payload: 'hash', newKeys: true },
  {
    name: 'PUT 64 MiB, signed chunks',
    method: 'PUT',
    size: 64 * MIB,
    object: 'put',
    connections: 8,
    payload: 'signed-chunks',
    newKeys: false
  }
]

/** Objects that lie at the upstream, by name. */
export const OBJECTS: Readonly<Record<string, number>> = { '1k': KIB, '64k': 64 * KIB, '64m': 64 * MIB }
