/** Where the subjects of a workload stand: plain HTTP on both hops, TLS in front, or TLS to the upstream. */
export type Scene = 'plain' | 'TLS in front' | 'TLS to the upstream'

/** One kind of request, as the goals name it. */
export interface Workload {
  readonly name: string
  readonly scene: Scene
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly size: number
  /** The file at the upstream, or the end of the keys that are written. */
  readonly object: string
  readonly connections: number
  readonly payload: 'none' | 'UNSIGNED-PAYLOAD' | 'hash' | 'signed-chunks'
  /** Which keys the requests name: one; another each time; one in each of many tenants, in turn. */
  readonly keys: 'one' | 'new' | 'tenants'
}

const KIB = 1024
const MIB = 1024 * KIB

const GET_1K: Workload = {
  ...{ name: 'GET 1 KiB', scene: 'plain', method: 'GET', size: KIB, object: '1k' },
  ...{ connections: 64, payload: 'none', keys: 'one' }
}
const GET_64M: Workload = { ...GET_1K, name: 'GET 64 MiB', size: 64 * MIB, object: '64m', connections: 8 }
const PUT_64M: Workload = {
  ...{ name: 'PUT 64 MiB, UNSIGNED-PAYLOAD', scene: 'plain', method: 'PUT', size: 64 * MIB, object: 'put' },
  ...{ connections: 8, payload: 'UNSIGNED-PAYLOAD', keys: 'new' }
}

const under = (workload: Workload, scene: Scene): Workload => ({ ...workload, scene, name: `${workload.name}, ${scene}` })

/** The goals' rows, with how many requests are under way at once. */
export const WORKLOADS: readonly Workload[] = [
  GET_1K,
  { ...GET_1K, name: 'HEAD', method: 'HEAD' },
  { ...GET_1K, name: 'GET 64 KiB', size: 64 * KIB, object: '64k' },
  GET_64M,
  { ...GET_1K, name: 'PUT 1 KiB, new key', method: 'PUT', object: 'new', payload: 'hash', keys: 'new' },
  PUT_64M,
  { ...PUT_64M, name: 'PUT 64 MiB, hex digest', payload: 'hash' },
  { ...PUT_64M, name: 'PUT 64 MiB, signed chunks verified', payload: 'signed-chunks', keys: 'one' },
  { ...GET_1K, name: 'cold read', keys: 'new' },
  { ...GET_1K, name: '1,000,000 tenants, 10,000 assignments', keys: 'tenants' },
  ...(['TLS in front', 'TLS to the upstream'] as const).flatMap((scene) =>
    [GET_1K, GET_64M, PUT_64M].map((workload) => under(workload, scene))
  )
]

/** Bodies so large that a sample is a few requests, and that a compiler settles within one. */
export const isLarge = ({ size }: Workload): boolean => size > MIB

/** Objects that lie at the upstream, by name. */
export const OBJECTS: Readonly<Record<string, number>> = { '1k': KIB, '64k': 64 * KIB, '64m': 64 * MIB }

export const contentOf = (object: string): Buffer => Buffer.alloc(OBJECTS[object] ?? 0, `${object} `)
